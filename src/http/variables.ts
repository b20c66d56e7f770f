import { type ExecutionArgs, GraphQLError } from 'graphql'
import { CatalogError } from '../core/errors.js'

/**
 * graphql-js repeats the object around a mistake, all its members with it, in each of its complaints about variables: a large one with many mistakes
 * would keep the server busy for a minute. So objects are bounded (no input has half as many fields), and so are the complaints.
 */
export const mostMembers = 100
export const mostLevels = 100

/** For whoever executes. */
export const boundedComplaints: Pick<ExecutionArgs, 'options'> = { options: { maxCoercionErrors: 10 } }

/** What is over a bound in the variables of an operation, whatever they are for; null: nothing. Linear in them. */
export function variablesProblem(variables: Record<string, unknown>): GraphQLError | null {
  const pending: Array<[value: unknown, level: number, variable: string]> = Object.entries(variables).map(([name, value]) => [value, 1, name])
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [value, level, variable] = next
    if (typeof value !== 'object' || value === null) continue
    if (level > mostLevels) return over('levels', mostLevels, variable, `is nested more than ${mostLevels} levels deep`)
    const members: unknown[] = Array.isArray(value) ? value : Object.values(value)
    if (!Array.isArray(value) && members.length > mostMembers) return over('members', mostMembers, variable, `holds an object with more than ${mostMembers} members`)
    for (const member of members) if (typeof member === 'object') pending.push([member, level + 1, variable])
  }
  return null
}

function over(limit: string, most: number, variable: string, what: string): GraphQLError {
  const name = variable.slice(0, 80)
  const details = { field: name, mend: 'Write the variables as schema.graphql says.', limit, most }
  return new GraphQLError('', { originalError: new CatalogError('LIMIT_EXCEEDED', `The variable ${JSON.stringify(name)} ${what}.`, details) })
}
