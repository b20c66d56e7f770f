import { type GraphQLFieldResolver, type GraphQLSchema } from 'graphql'
import { type Outcome, outcomeOf } from '../catalog/observer.js'
import { type GraphQLContext } from './context.js'

type Resolver = GraphQLFieldResolver<unknown, GraphQLContext>

/** Counts every mutation by its field and its outcome. Done to the schema, so that a new mutation cannot be forgotten. */
export function observeMutations(schema: GraphQLSchema): GraphQLSchema {
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    const resolve = field.resolve as Resolver
    const counted: Resolver = async (parent, args, context, info) => {
      const tell = (outcome: Outcome) => context.caller?.observer.mutation(field.name, outcome)
      try {
        const result = await resolve(parent, args, context, info)
        // A guard answers its refusal as a value.
        tell(result instanceof Error ? outcomeOf(result) : 'ok')
        return result
      } catch (error) {
        tell(outcomeOf(error))
        throw error
      }
    }
    field.resolve = counted as typeof field.resolve
  }
  return schema
}
