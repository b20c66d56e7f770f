import { createServer } from 'node:http'
import { type ExecutionArgs, type ExecutionResult, type GraphQLSchema, type parse, type validate } from 'graphql'
import { useServer } from 'graphql-ws/use/ws'
import { createPubSub, createSchema, createYoga } from 'graphql-yoga'
import { WebSocketServer } from 'ws'
import { type BaselineChange, changeOf, openTables, serve } from './baseline.js'

/**
 * Baseline B, the naive build, as the documentation shows it: GraphQL Yoga, graphql-ws and its own publish-subscribe in
 * memory. One execution and one encoding for each subscriber and event, no NOTIFY. Usage: baseline-b.ts DATABASE_URL
 */
const sql = await openTables(process.argv[2]!)
const pubSub = createPubSub<{ changed: [BaselineChange] }>()

async function* resume(after: string): AsyncGenerator<BaselineChange> {
  const live = pubSub.subscribe('changed')
  let last = Number(after)
  for (const { rev, body } of await sql<Array<{ rev: string; body: string }>>`select rev, body from event where rev > ${after} order by rev`) {
    last = Number(rev)
    yield changeOf(rev, body)
  }
  for await (const change of live) if (Number(change.rev) > last) yield change
}

const yoga = createYoga({
  logging: false,
  graphiql: false,
  schema: createSchema({
    typeDefs: /* GraphQL */ `
      type Entry { id: ID! namespace: String! name: String! enabled: Boolean! tags: [String!]! owner: String! }
      type Change { rev: String! kind: String! entry: Entry! text: String! }
      type Query { ok: Boolean }
      type Mutation { publish(text: String!): String }
      type Subscription { changed(after: String): Change! }
    `,
    resolvers: {
      Mutation: {
        publish: async (_: unknown, { text }: { text: string }) => {
          const [row] = await sql<Array<{ rev: string }>>`
            with e as (insert into event (body) values (${text}) returning rev),
              a as (insert into audit (rev, who, what) select rev, 'bench', 'update' from e)
            select rev from e`
          pubSub.publish('changed', changeOf(row!.rev, text))
          return row!.rev
        },
      },
      Subscription: {
        changed: {
          subscribe: (_: unknown, { after }: { after?: string | null }) => after == null ? pubSub.subscribe('changed') : resume(after),
          resolve: (change: BaselineChange) => change,
        },
      },
    },
  }),
})

const server = createServer((request, response) => void yoga(request, response))

/** What Yoga makes of a request: its own executor with its plugins, as its documentation hands it to graphql-ws. */
interface Enveloped {
  schema: GraphQLSchema
  execute: (args: ExecutionArgs) => Promise<ExecutionResult>
  subscribe: (args: ExecutionArgs) => Promise<ExecutionResult>
  contextFactory: () => Promise<unknown>
  parse: typeof parse
  validate: typeof validate
}

useServer({
  execute: (args) => (args.rootValue as Enveloped).execute(args),
  subscribe: (args) => (args.rootValue as Enveloped).subscribe(args),
  onSubscribe: async (context, _id, params) => {
    const enveloped = yoga.getEnveloped({ ...context, req: context.extra.request, socket: context.extra.socket, params }) as Enveloped
    const args = {
      schema: enveloped.schema, operationName: params.operationName, document: enveloped.parse(params.query), variableValues: params.variables,
      contextValue: await enveloped.contextFactory(), rootValue: enveloped,
    }
    const errors = enveloped.validate(args.schema, args.document)
    return errors.length > 0 ? errors : args
  },
}, new WebSocketServer({ server, path: yoga.graphqlEndpoint }))

serve(server)
