import { createLauncher, type Launcher } from './launcher.js'
import { matching, oneOf, type OptionGrammar, optionsOf } from './option-grammar.js'
import { scriptPathProblem } from './script.js'

/** `-c` and `-m` end Python's own options, `-W` imports the module of a category it is given, `-X` can name files: see their values. */
const grammar: OptionGrammar = {
  launcher: 'python', operand: 'the script', hasBundles: true, hasEnd: true,
  mends: new Map([['-m', 'Write uvx NAME==VERSION, or python3 with the absolute path of the script.']]),
  options: new Map([
    ...optionsOf('FLAG', '-u', '-B', '-E', '-I', '-O', '-P', '-b', '-q', '-s', '-S', '-v'),
    ...optionsOf(oneOf('ignore', 'default', 'error', 'always', 'module', 'once'), '-W'),
    ...optionsOf(matching(/^(?:utf8(?:=[01])?|dev|faulthandler|no_debug_ranges|frozen_modules(?:=on|=off)?|int_max_str_digits=\d{1,9})$/, 'utf8, dev, faulthandler or no_debug_ranges'), '-X'),
  ]),
}

export const python = createLauncher({ name: 'python', grammar, kindOf: () => 'SCRIPT', problem: scriptPathProblem })

export const python3: Launcher = { ...python, name: 'python3' }
