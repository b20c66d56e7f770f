import { type ArgBuilder, type ObjectRef } from '@pothos/core'
import { invalid } from '../core/errors.js'
import { builder, type BuilderTypes } from './builder.js'

/** One page of a list, in Relay's shape, forwards only. */
export interface Page<Item> {
  edges: Array<{ node: Item; cursor: string }>
  hasNextPage: boolean
  hasPreviousPage: boolean
}

export interface PageArgs {
  first?: number | null
  after?: string | null
}

export const defaultPageSize = 50
export const maxPageSize = 500

/** @throws CatalogError INVALID_INPUT for a size under 1; a larger one than 500 is served as 500 */
export function pageSize({ first }: PageArgs): number {
  const size = first ?? defaultPageSize
  if (size < 1) throw invalid('first', 'A page has at least one item.', `Ask for 1 to ${maxPageSize}.`)
  return Math.min(size, maxPageSize)
}

const encode = (key: string) => Buffer.from(key).toString('base64url')
const decode = (cursor: string) => Buffer.from(cursor, 'base64url').toString()

/** A page of a list in memory; `keyOf` gives each item a key that does not depend on its place. */
export function pageOf<Item>(items: Item[], keyOf: (item: Item) => string, args: PageArgs): Page<Item> {
  const size = pageSize(args)
  const after = args.after ? decode(args.after) : null
  // The keys are in the list's order, so that a page begins at the right place even when its cursor's item is gone.
  const start = after === null ? 0 : indexAfter(items, keyOf, after)
  const slice = items.slice(start, start + size)
  return {
    edges: slice.map((node) => ({ node, cursor: encode(keyOf(node)) })),
    hasNextPage: start + size < items.length, hasPreviousPage: start > 0,
  }
}

function indexAfter<Item>(items: Item[], keyOf: (item: Item) => string, after: string): number {
  const at = items.findIndex((item) => keyOf(item) === after)
  if (at >= 0) return at + 1
  const next = items.findIndex((item) => keyOf(item) > after)
  return next < 0 ? items.length : next
}

/** A page that the database reads by a descending number; `read` gets the number before which to go on. */
export async function pageByNumber<Item>(
  read: (before: number | null, limit: number) => Promise<Item[]>, numberOf: (item: Item) => number, args: PageArgs,
): Promise<Page<Item>> {
  const size = pageSize(args)
  const before = args.after ? Number(decode(args.after)) : null
  // Numbers are Postgres integers; what none can be is no cursor of ours.
  if (before !== null && !(Number.isInteger(before) && before > 0 && before <= 2_147_483_647)) throw invalid('after', 'This is not a cursor of this list.', 'Use an endCursor of an earlier page.')
  const items = await read(before, size + 1)
  return {
    edges: items.slice(0, size).map((node) => ({ node, cursor: encode(String(numberOf(node))) })),
    hasNextPage: items.length > size, hasPreviousPage: before !== null,
  }
}

/** A page that the database reads by an ascending text; `read` gets the text after which to go on. */
export async function pageByText<Item>(
  read: (after: string | null, limit: number) => Promise<Item[]>, textOf: (item: Item) => string, args: PageArgs,
): Promise<Page<Item>> {
  const size = pageSize(args)
  const after = args.after ? decode(args.after) : null
  // What Postgres cannot hold is no cursor of ours.
  if (after?.includes('\0')) throw invalid('after', 'This is not a cursor of this list.', 'Use an endCursor of an earlier page.')
  const items = await read(after, size + 1)
  return {
    edges: items.slice(0, size).map((node) => ({ node, cursor: encode(textOf(node)) })),
    hasNextPage: items.length > size, hasPreviousPage: after !== null,
  }
}

const PageInfo = builder.objectRef<Page<unknown>>('PageInfo').implement({
  fields: (t) => ({
    hasNextPage: t.exposeBoolean('hasNextPage'),
    hasPreviousPage: t.exposeBoolean('hasPreviousPage'),
    startCursor: t.string({ nullable: true, resolve: ({ edges }) => edges[0]?.cursor ?? null }),
    endCursor: t.string({ nullable: true, resolve: ({ edges }) => edges.at(-1)?.cursor ?? null }),
  }),
})

/** Makes `<Name>Connection` and `<Name>Edge` for a node type. */
export function connectionOf<Item>(name: string, node: ObjectRef<BuilderTypes, Item>) {
  const Edge = builder.objectRef<{ node: Item; cursor: string }>(`${name}Edge`).implement({
    fields: (t) => ({
      node: t.field({ type: node, resolve: (edge) => edge.node as never }),
      cursor: t.exposeString('cursor'),
    }),
  })
  return builder.objectRef<Page<Item>>(`${name}Connection`).implement({
    fields: (t) => ({
      edges: t.field({ type: [Edge], resolve: ({ edges }) => edges }),
      nodes: t.field({ type: [node], resolve: ({ edges }) => edges.map((edge) => edge.node) as never }),
      pageInfo: t.field({ type: PageInfo, resolve: (page) => page }),
    }),
  })
}

/** `first` and `after`, the same everywhere. */
export function pageArgs(arg: ArgBuilder<BuilderTypes>) {
  return {
    first: arg.int({ description: `How many; default ${defaultPageSize}, at most ${maxPageSize}.` }),
    after: arg.string({ description: 'The endCursor of the page before.' }),
  }
}
