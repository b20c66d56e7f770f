import { at, type Launcher, missing } from './launcher.js'
import { matching, oneOf, type OptionGrammar, optionsOf, readOptions } from './option-grammar.js'
import { pathProblem } from './path.js'

/** `-c` and `-m` end Python's own options, `-W` imports the module of a category it is given, `-X` can name files: see their values. */
const grammar: OptionGrammar = {
  launcher: 'python', operand: 'the script', hasBundles: true, hasEnd: true,
  options: new Map([
    ...optionsOf('FLAG', '-u', '-B', '-E', '-I', '-O', '-P', '-b', '-q', '-s', '-S', '-v'),
    ...optionsOf(oneOf('ignore', 'default', 'error', 'always', 'module', 'once'), '-W'),
    ...optionsOf(matching(/^(?:utf8(?:=[01])?|dev|faulthandler|no_debug_ranges|frozen_modules(?:=on|=off)?|int_max_str_digits=\d{1,9})$/, 'utf8, dev, faulthandler or no_debug_ranges'), '-X'),
  ]),
}

export const python: Launcher = {
  name: 'python',
  judge(args, directories) {
    const { objections, operandAt } = readOptions(grammar, args, 0, directories)
    if (operandAt === null) return objections
    const script = args[operandAt]
    return [...objections, ...script === undefined ? [missing('python', 'script')] : at(operandAt, pathProblem(script, directories))]
  },
}

export const python3: Launcher = { ...python, name: 'python3' }
