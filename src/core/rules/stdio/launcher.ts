import { type Objection } from './option-grammar.js'

/** How one launcher reads its arguments, and which of them it may have. */
export interface Launcher {
  /** As the policy lists it in `stdio.launchers`. */
  name: string
  /** @param directories `stdio.directories` of the policy */
  judge: (args: readonly string[], directories: readonly string[] | null) => Objection[]
}

/** The objection to a package, script or image, if there is one. */
export function at(place: number, problem: [message: string, mend: string] | null): Objection[] {
  return problem === null ? [] : [{ at: place, message: problem[0], mend: problem[1] }]
}

export const missing = (launcher: string, operand: string): Objection => ({
  at: null, message: `${launcher} is given no ${operand} to run.`, mend: `Add the ${operand} to args.`,
})
