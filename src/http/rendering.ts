import { type DocumentNode, execute, type ExecutionResult, Kind, print, TypeInfo, visit, visitWithTypeInfo } from 'graphql'
import { type Observer } from '../catalog/observer.js'
import { type CatalogEvent, type CatalogSnapshot, type ProbeOffer } from '../feed/event.js'
import { type Desk, type DeskChange } from '../feed/desk.js'
import { type Hub, type Rendering } from '../feed/hub.js'
import { type ProbeDesk } from '../feed/probe-desk.js'
import { type GraphQLContext } from '../graphql/context.js'
import { type ReportMasked, toGraphQLError } from '../graphql/errors.js'
import { schema } from '../graphql/schema.js'
import { type CatalogIndex } from '../index/catalog-index.js'

export interface RenderingOptions {
  index: CatalogIndex
  hub: Hub
  desk: Desk
  probes: ProbeDesk
  report: ReportMasked
  observer: Observer
}

/** What a subscriber asks for. */
export interface Asked {
  query: string
  document: DocumentNode
  operationName: string | null
  variables: Record<string, unknown>
}

/** Those whose members stay the same objects for as long as they say the same. */
const listNames = ['mcpServers', 'agents', 'toolPins'] as const
type ListName = (typeof listNames)[number]

/** Renderings that are kept, with what they remember of entries, for whoever asks for the same next. */
const keptRenderings = 50

/**
 * Subscriptions with the same document and the same variables besides owner, cursor and ids render alike. Only
 * the subscriptions themselves take those types, and nothing behind an event does, so by type they are told from the rest.
 */
export function createRenderings(options: RenderingOptions): (asked: Asked) => Rendering {
  const kept = new Map<string, Rendering>()
  return (asked) => {
    const key = renderKeyOf(asked)
    const rendering = kept.get(key) ?? createRendering(options, key, asked)
    kept.delete(key)
    kept.set(key, rendering)
    if (kept.size > keptRenderings) kept.delete(kept.keys().next().value!)
    return rendering
  }
}

function renderKeyOf({ query, document, operationName, variables }: Asked): string {
  // What is sent without being declared means nothing, and would be kept with the key.
  const counting = new Set(document.definitions.flatMap((definition) => (
    definition.kind === Kind.OPERATION_DEFINITION ? definition.variableDefinitions ?? [] : []
  )).filter(({ type }) => !/^(OwnerInput|Cursor|ID)!?$/.test(print(type))).map(({ variable }) => variable.name.value))
  const rest = Object.entries(variables).filter(([name]) => counting.has(name))
  return JSON.stringify([query, operationName, rest])
}

function createRendering({ index, hub, desk, probes, report, observer }: RenderingOptions, key: string, { document, operationName, variables }: Asked): Rendering {
  const contextValue: GraphQLContext = { index, hub, desk, probes, caller: null }
  const lists = listsOf(document)
  let texts = new WeakMap<object, Record<string, string>>()
  let names = index.state.names

  /** No resolver behind an event waits for anything. */
  function run(event: CatalogEvent | DeskChange | ProbeOffer): ExecutionResult {
    const result = execute({ schema, document, operationName, variableValues: variables, rootValue: event, contextValue })
    if (result instanceof Promise) throw new Error('an event must render synchronously')
    return result
  }

  function whole(result: ExecutionResult): string {
    const errors = result.errors?.map((error) => toGraphQLError(error, report).toJSON())
    return JSON.stringify(errors === undefined ? result : { ...result, errors })
  }

  /**
   * A set is large, and most of it is as it was: entries, and what their tools are held to, are rendered once for each document, and joined. What an entry's text depends on
   * besides the entry is how people and teams are called.
   */
  function snapshot(event: CatalogSnapshot): string {
    if (names !== index.state.names) {
      texts = new WeakMap()
      names = index.state.names
    }
    const isNew = (member: object) => !texts.has(member)
    const fresh = { ...event, mcpServers: event.mcpServers.filter(isNew), agents: event.agents.filter(isNew), toolPins: event.toolPins.filter(isNew) }
    const result = run(fresh)
    const [root, value] = Object.entries(result.data ?? {})[0] ?? []
    if (result.errors !== undefined || root === undefined || typeof value !== 'object' || value === null) return whole(run(event))
    const members = Object.entries(value as Record<string, unknown>)
    for (const [name, of] of lists) remember(texts, name, fresh[of], members.find(([each]) => each === name)?.[1])
    const text = members.map(([name, member]) => {
      const of = lists.get(name)
      const rendered = of === undefined ? JSON.stringify(member) : `[${event[of].map((one: object) => texts.get(one)?.[name]).join(',')}]`
      return `${JSON.stringify(name)}:${rendered}`
    })
    return `{"data":{${JSON.stringify(root)}:{${text.join(',')}}}}`
  }

  return {
    key,
    render: (event) => {
      if (event.__typename === 'ProbeOffer') return Buffer.from(whole(run(event)))
      observer.rendered(event.__typename)
      return Buffer.from(event.__typename === 'CatalogSnapshot' && lists.size > 0 ? snapshot(event) : whole(run(event)))
    },
  }
}

function remember(texts: WeakMap<object, Record<string, string>>, name: string, entries: readonly object[], rendered: unknown): void {
  if (!Array.isArray(rendered)) return
  for (const [at, entry] of entries.entries()) {
    const known = texts.get(entry) ?? {}
    known[name] = JSON.stringify(rendered[at])
    texts.set(entry, known)
  }
}

/** What the document calls those lists in a snapshot. */
function listsOf(document: DocumentNode): Map<string, ListName> {
  const lists = new Map<string, ListName>()
  const types = new TypeInfo(schema)
  visit(document, visitWithTypeInfo(types, {
    Field: ({ name, alias }) => {
      if (types.getParentType()?.name !== 'CatalogSnapshot') return
      const of = listNames.find((each) => each === name.value)
      if (of !== undefined) lists.set((alias ?? name).value, of)
    },
  }))
  return lists
}
