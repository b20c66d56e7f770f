import { type Objection, type OptionGrammar, readOptions, type TakenOption } from './option-grammar.js'

export type Problem = [message: string, mend: string] | null

/** COMMAND: one of a package that an option names. */
export type OperandKind = 'PACKAGE' | 'COMMAND' | 'SCRIPT' | 'IMAGE'

/** What a launcher is told to run. */
export interface Operand {
  kind: OperandKind
  /** Place in `args`, from 0. */
  at: number
}

/** How one launcher reads its arguments, and which of them it may have. */
export interface Launcher {
  /** As the policy lists it in `stdio.launchers`. */
  name: string
  /** @param directories `stdio.directories` of the policy */
  judge: (args: readonly string[], directories: readonly string[] | null) => Objection[]
  /** Where package, script or image stands; null when there is none, or when nobody can say because an option before it is unknown. */
  operand: (args: readonly string[]) => Operand | null
}

interface LauncherForm {
  name: string
  grammar: OptionGrammar
  /** Words that `args` has to begin with, and what is said of others. Default: none. */
  begin?: { words: readonly string[]; problem: [message: string, mend: string] }
  kindOf: (operand: string, taken: readonly TakenOption[]) => OperandKind
  problem: (operand: string, directories: readonly string[] | null, taken: readonly TakenOption[]) => Problem
}

export function createLauncher({ name, grammar, begin, kindOf, problem }: LauncherForm): Launcher {
  const words = begin?.words ?? []
  const wrongWord = (args: readonly string[]) => words.findIndex((word, at) => args[at] !== word)
  return {
    name,
    judge(args, directories) {
      const wrong = wrongWord(args)
      if (wrong >= 0) return objectionAt(wrong, begin!.problem)
      const { objections, operandAt, taken } = readOptions(grammar, args, words.length, directories)
      if (operandAt === null) return objections
      const operand = args[operandAt]
      return [...objections, ...operand === undefined ? [missing(grammar)] : objectionAt(operandAt, problem(operand, directories, taken))]
    },
    operand(args) {
      if (wrongWord(args) >= 0) return null
      const { operandAt: at, taken } = readOptions(grammar, args, words.length, null)
      return at === null || args[at] === undefined ? null : { kind: kindOf(args[at], taken), at }
    },
  }
}

function objectionAt(place: number, problem: Problem): Objection[] {
  return problem === null ? [] : [{ at: place, message: problem[0], mend: problem[1] }]
}

function missing({ launcher, operand }: OptionGrammar): Objection {
  return { at: null, message: `${launcher} is given no ${operand.replace('the ', '')} to run.`, mend: `Add ${operand} to args.` }
}
