import { createLauncher } from './launcher.js'
import { type OptionGrammar, optionsOf } from './option-grammar.js'
import { npmPackageProblem } from './package-version.js'

/**
 * npx puts `--` before the first argument that is no option and no option's value (npm's bin/npx-cli.js), so the rest is the server's. Its list of options
 * without a value lacks the negated ones: after `--no` or `--no-audit` it takes the package for a value, and reads on. `-y=x` makes x the package.
 */
const grammar: OptionGrammar = {
  launcher: 'npx', operand: 'the package', hasBundles: false, hasEnd: true,
  mends: new Map(['-p', '--package'].map((name) => [name, 'Write npx -y @SCOPE/NAME@VERSION or npx -y NAME@VERSION: it runs the command that bears the package\'s name.'])),
  options: new Map([
    ...optionsOf('FLAG', '-y', '-q', '--quiet', '-s', '--silent', '--no-install'),
    ...optionsOf('SWITCH', '--yes', '--offline', '--prefer-offline', '--prefer-online', '--ignore-scripts'),
  ]),
}

export const npx = createLauncher({ name: 'npx', grammar, kindOf: () => 'PACKAGE', problem: npmPackageProblem })
