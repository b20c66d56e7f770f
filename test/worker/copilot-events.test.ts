import { type SessionEvent } from '@github/copilot-sdk'
import { describe, expect, it } from 'vitest'
import { type CopilotHandle } from '../../src/worker/copilot-client.js'
import { createCopilotEvents } from '../../src/worker/copilot-events.js'
import { createStableHandle } from '../../src/worker/copilot-handle.js'

const event = (type: string, data: object = {}, more: object = {}) => ({ type, data, id: 'e', parentId: null, timestamp: '', ...more }) as unknown as SessionEvent

function conversation() {
  const turns: string[] = []
  const events = createCopilotEvents({ began: () => turns.push('began'), ended: () => turns.push('ended') })
  const sent: unknown[] = []
  const make = (name: string) => ({
    name, sessionId: 'c1', rpc: { name },
    send: async (message: unknown) => {
      sent.push([name, message])
      return 'id'
    },
    whoAmI() { return this.name },
  })
  let current = make('first')
  const handle = createStableHandle({ current: () => current as unknown as CopilotHandle, events, beforeSend: async () => {} })
  return { events, turns, sent, handle, swap: () => { current = make('second') }, breakDown: () => { current = { ...make('broken'), send: async () => { throw new Error('no') } } } }
}

describe('one session object over many', () => {
  it('hands everything to the one of the moment', () => {
    const { handle, swap } = conversation()
    const own = handle as unknown as { whoAmI: () => string; rpc: { name: string } }
    expect([own.whoAmI(), own.rpc.name, 'abort' in handle, 'sessionId' in handle]).toEqual(['first', 'first', false, true])
    swap()
    expect([own.whoAmI(), own.rpc.name]).toEqual(['second', 'second'])
  })

  it('waits through a change, and answers with the last message', async () => {
    const { handle, events, sent, swap } = conversation()
    const answer = handle.sendAndWait('hello')
    await expect.poll(() => sent).toEqual([['first', 'hello']])
    swap()
    events.dispatch(event('assistant.message', { content: 'one' }))
    events.dispatch(event('assistant.message', { content: 'two' }))
    events.dispatch(event('session.idle', { mode: 'autopilot' }))
    events.dispatch(event('session.idle'))
    expect((await answer)?.data.content).toBe('two')
  })

  it('rejects with the error of the session, in time, and when it closes', async () => {
    const { handle, events, sent } = conversation()
    const failing = handle.sendAndWait('a')
    await expect.poll(() => sent.length).toBe(1)
    events.dispatch(event('session.error', { message: 'quota' }))
    await expect(failing).rejects.toThrow('quota')
    await expect(handle.sendAndWait('b', 1)).rejects.toThrow('Timeout after 1ms waiting for session.idle')
    const closing = handle.sendAndWait('c')
    await expect.poll(() => sent.length).toBe(3)
    events.close(new Error('closed'))
    await expect(closing).rejects.toThrow('closed')
  })

  it('keeps subscriptions, of one type and of all, until they are ended', () => {
    const { handle, events, swap } = conversation()
    const heard: string[] = []
    const end = handle.on((one) => { heard.push(`any ${one.type}`) })
    handle.on('session.idle', ({ type }) => { heard.push(`idle ${type}`) })
    handle.on(() => { throw new Error('of the listener') })
    swap()
    events.dispatch(event('session.idle'))
    end()
    events.dispatch(event('session.idle'))
    expect(heard).toEqual(['any session.idle', 'idle session.idle', 'idle session.idle'])
  })
})

describe('turns', () => {
  it('begin with a message or by themselves, and end when the session is idle', async () => {
    const { handle, events, turns } = conversation()
    await handle.send('a')
    await handle.send('b')
    events.dispatch(event('assistant.turn_start'))
    events.dispatch(event('session.idle'))
    events.dispatch(event('session.idle'))
    expect(turns).toEqual(['began', 'ended'])
    events.dispatch(event('assistant.turn_start', {}, { agentId: 'sub' }))
    expect(turns).toHaveLength(2)
    events.dispatch(event('assistant.turn_start'))
    expect([turns.length, events.isTurnRunning()]).toEqual([3, true])
  })

  it('end when the message could not be sent', async () => {
    const { handle, turns, breakDown } = conversation()
    breakDown()
    await expect(handle.send('a')).rejects.toThrow('no')
    expect(turns).toEqual(['began', 'ended'])
  })
})
