import { cliLine, unless } from '../../data/cli-line.js'
import { type Scope } from '../../data/scope.js'
import { type ImportConflict } from '../../generated/graphql.js'

/** The file keeps a name of its own: what is chosen or pasted has none that a shell would find. */
export const importAgentLine = (scope: Scope, onConflict: ImportConflict): string =>
  cliLine('import', ['planner.agent.md'], { owner: unless('me', scope), 'on-conflict': unless('fail', onConflict.toLowerCase()) })
