import { createLauncher } from './launcher.js'
import { glued, matching, oneOf, type OptionGrammar, optionsOf } from './option-grammar.js'
import { scriptPathProblem } from './script.js'

const count = matching(/^\d{1,9}$/, 'a number')

/** Options of V8 take a value only after `=`; those of Node either way. Node reads `_` between words as `-`. */
const grammar: OptionGrammar = {
  launcher: 'node', operand: 'the script', hasBundles: false, hasEnd: true, fold: (name) => `--${name.slice(2).replaceAll('_', '-')}`,
  options: new Map([
    ...optionsOf('FLAG', '--enable-source-maps', '--no-warnings', '--no-deprecation', '--trace-warnings', '--trace-deprecation', '--trace-uncaught', '--throw-deprecation',
      '--pending-deprecation', '--frozen-intrinsics', '--no-addons', '--disallow-code-generation-from-strings', '--experimental-strip-types', '--jitless', '--expose-gc'),
    ...optionsOf(glued(count), '--max-old-space-size', '--max-semi-space-size', '--stack-trace-limit'),
    ...optionsOf(count, '--max-http-header-size'),
    ...optionsOf(oneOf('strict', 'warn', 'throw'), '--unhandled-rejections'),
    ...optionsOf(oneOf('ipv4first', 'ipv6first', 'verbatim'), '--dns-result-order'),
    ...optionsOf(oneOf('delete', 'throw'), '--disable-proto'),
  ]),
}

export const node = createLauncher({ name: 'node', grammar, kindOf: () => 'SCRIPT', problem: scriptPathProblem })
