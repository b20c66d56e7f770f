import { type CatalogClient, UsersDocument, type UsersQuery } from '../client/index.js'
import { UsageError } from './session.js'

export type FoundUser = UsersQuery['users']['nodes'][number]

const pageSize = 500

/**
 * Somebody by id or as PROVIDER/SUBJECT, of those that the caller may see. Names are shown and never looked up by: two people may have the same.
 * @throws UsageError when there is none
 */
export async function findUser(client: CatalogClient, text: string): Promise<FoundUser> {
  const found = await lookUpUser(client, text)
  if (found !== null) return found
  throw new UsageError(`There is no user ${JSON.stringify(text)} that you may see: give an id (usr_…) or PROVIDER/SUBJECT, as in \`pilothouse user list\`.`)
}

/** The same; null: there is none. */
export async function lookUpUser(client: CatalogClient, text: string): Promise<FoundUser | null> {
  const slash = text.indexOf('/')
  const isIt = (user: FoundUser) => (slash > 0 ? `${user.provider}/${user.subject}` === text : user.id === text)
  for await (const user of users(client, slash > 0 ? text.slice(slash + 1) : null)) if (isIt(user)) return user
  return null
}

/** Everybody whom the caller may see, page by page. */
export async function* users(client: CatalogClient, search: string | null): AsyncGenerator<FoundUser> {
  let after: string | null = null
  do {
    const page: UsersQuery['users'] = (await client.execute(UsersDocument, { search, first: pageSize, after })).users
    yield* page.nodes
    after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null
  } while (after !== null)
}
