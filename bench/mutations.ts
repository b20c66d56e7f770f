import { type ChildProcess } from 'node:child_process'
import { nextMessage, startProgram, stopChild } from './child.js'
import { type Answer, type ClientsResult, type FromMutator, type MutationPlan, type ToMutator } from './plan.js'

/** The mutator's process, as the generator and the runner use it. */
export interface Mutations {
  /** Numbers count on from here; each is used once. */
  readonly next: number
  one: () => Promise<Answer>
  /** Open loop; `answered` hears of each answer. Resolves with the first number, at once, and a promise of the end. */
  steadily: (count: number, perSecond: number, answered: (answer: Answer) => void) => { first: number; done: Promise<void> }
  clients: (clients: number, milliseconds: number) => Promise<ClientsResult>
  stop: () => Promise<void>
}

export async function startMutations(plan: MutationPlan): Promise<Mutations> {
  const child = startProgram('./mutator.ts')
  await ask(child, { kind: 'PLAN', plan }, (message) => message.kind === 'READY' || undefined)
  let next = 1
  return {
    get next() { return next },
    one: () => {
      const number = next++
      return ask(child, { kind: 'ONE', number }, (message) => message.kind === 'ANSWER' && message.number === number ? message : undefined)
    },
    steadily: (count, perSecond, answered) => {
      const first = next
      next += count
      const hear = (message: FromMutator) => void (message.kind === 'ANSWER' && answered(message))
      child.on('message', hear)
      const done = ask(child, { kind: 'STEADY', first, count, perSecond }, (message) => message.kind === 'STEADY_DONE' || undefined)
      return { first, done: done.then(() => void child.off('message', hear)) }
    },
    clients: (clients, milliseconds) => (
      ask(child, { kind: 'CLIENTS', clients, milliseconds }, (message) => message.kind === 'CLIENTS_DONE' ? message.result : undefined)
    ),
    stop: () => stopChild(child),
  }
}

function ask<Result>(child: ChildProcess, message: ToMutator, pick: (message: FromMutator) => Result | undefined): Promise<Result> {
  const answer = nextMessage<Result>(child, pick)
  child.send(message)
  return answer
}
