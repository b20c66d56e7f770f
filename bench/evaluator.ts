import { type parseAgentDefinition } from '../src/core/agent.js'
import { type Definition } from '../src/core/entry.js'
import { type parseMcpServerDefinition } from '../src/core/mcp-server.js'
import { type evaluate } from '../src/core/policy.js'
import { type parsePolicyDocument, type readPolicy } from '../src/core/policy-document.js'
import { type SampleDefinition, sampleDefinitions } from './definitions.js'
import { type EvaluationResult, type FromEvaluator } from './plan.js'
import { median, spread } from './stats.js'

/**
 * Judges definitions in a process of its own, as server, importer and worker do. Each is written anew, with names that were never there before, and
 * parsed, so that nothing can be known of it.
 * Usage: evaluator.ts WARM-UP TIMES, both for every sort of definition
 */
interface Core {
  parseAgentDefinition: typeof parseAgentDefinition
  parseMcpServerDefinition: typeof parseMcpServerDefinition
  evaluate: typeof evaluate
  parsePolicyDocument: typeof parsePolicyDocument
  readPolicy: typeof readPolicy
}

/** As it is built: the loader that runs the bench wraps every function that it compiles. */
async function loadCore(): Promise<Core> {
  const files = ['policy', 'policy-document', 'mcp-server', 'agent'].map((name) => new URL(`../dist/core/${name}.js`, import.meta.url).href)
  return Object.assign({}, ...await Promise.all(files.map((file) => import(file) as Promise<object>))) as Core
}

const core = await loadCore()
const numbered = <Item>(write: (word: string) => Item) => Array.from({ length: 20 }, (_, at) => write(wordOf(at)))

/** What is really written: some lists, none of which decides anything here, so that every item is looked at. */
const lists = {
  mcpServers: { deny: [...numbered((word) => ({ serverUrl: `https://*.${word}.example.org/*` })), ...numbered((word) => ({ serverName: `old-${word}-*` }))] },
  stdio: { preapproved: numbered((word) => ['npx', '-y', `@example/${word}-server@1.2.3`]) },
  env: { deny: numbered((word) => `${word.toUpperCase()}_*`) }, headers: { deny: numbered((word) => `x-internal-${word}-*`) },
}

/** Digits as letters: with digits a name could look like a secret, which costs more. */
function wordOf(number: number): string {
  return [...String(number)].map((digit) => 'abcdefghij'[Number(digit)]).join('')
}

function freshDefinition({ kind, input }: SampleDefinition, number: number): { input: unknown; parse: (input: unknown) => Definition } {
  const text = JSON.stringify(input).replaceAll('tickets', `tickets${wordOf(number)}`)
  return { input: JSON.parse(text), parse: kind === 'AGENT' ? core.parseAgentDefinition : core.parseMcpServerDefinition }
}

function timed<Value>(times: number[], run: () => Value): Value {
  const begin = performance.now()
  const value = run()
  times.push(1_000 * (performance.now() - begin))
  return value
}

function measure(warmUp: number, times: number): EvaluationResult {
  const document = (given: object) => core.parsePolicyDocument(given)
  const byDefault = core.readPolicy(0, document({}))
  const deployment = core.readPolicy(1, document(lists))
  const team = core.readPolicy(1, document({ transports: { stdio: 'approve' }, ...lists }), deployment.document!)
  const [parsed, narrowed]: [number[], number[]] = [[], []]
  const bySort = new Map(sampleDefinitions.map(({ sort }) => [sort, [] as number[]]))
  const wrong = new Set<string>()
  const judgeEach = (number: number) => sampleDefinitions.forEach((sample) => {
    const { kind, name, sort, verdict } = sample
    const [one, other] = [freshDefinition(sample, 2 * number), freshDefinition(sample, 2 * number + 1)]
    const definition = timed(parsed, () => one.parse(one.input))
    const otherDefinition = other.parse(other.input)
    const told = [
      timed(bySort.get(sort)!, () => core.evaluate({ kind, name, definition }, [byDefault])),
      timed(narrowed, () => core.evaluate({ kind, name, definition: otherDefinition }, [deployment, team])),
    ]
    if (!told.every((one) => one.kind === verdict)) wrong.add(`${sort}: ${told.map((one) => one.kind).join(' and ')} instead of ${verdict}`)
  })
  for (let number = 0; number < warmUp; number++) judgeEach(number)
  for (const list of [parsed, narrowed, ...bySort.values()]) list.length = 0
  for (let number = warmUp; number < warmUp + times; number++) judgeEach(number)
  return {
    kind: 'EVALUATION', one: spread([...bySort.values()].flat()), narrowed: spread(narrowed), parsed: spread(parsed),
    sorts: [...bySort].map(([sort, values]) => ({ sort, p50: median(values)! })), wrong: [...wrong],
  }
}

process.on('disconnect', () => process.exit(0))
const [warmUp, times] = process.argv.slice(2).map(Number)
process.send?.({ kind: 'EVALUATED', result: measure(warmUp!, times!) } satisfies FromEvaluator)
