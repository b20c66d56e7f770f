import { at, type Launcher, missing } from './launcher.js'
import { matching, type Objection, type OptionGrammar, optionsOf, readOptions } from './option-grammar.js'
import { pythonPackage } from './package-version.js'
import { programKind } from './programs.js'

const pins = {
  isTaken: (text: string) => text.split(',').every((spec) => pythonPackage(spec.trim(), true).problem === null),
  form: 'NAME==VERSION, or several with commas between',
}

const grammar: OptionGrammar = {
  launcher: 'uvx', operand: 'the package', hasBundles: true, hasEnd: true,
  options: new Map([
    ...optionsOf('FLAG', '-q', '--quiet', '-v', '--verbose', '--isolated', '--offline', '-n', '--no-cache', '--no-config', '--no-env-file', '--no-progress', '--no-build',
      '--no-python-downloads', '--managed-python', '--no-managed-python'),
    // A version alone: uv takes the path of an interpreter, too.
    ...optionsOf(matching(/^3(?:\.\d{1,3}){0,2}$/, 'a version of Python such as 3.12'), '-p', '--python'),
    ...optionsOf(pins, '-w', '--with'),
    ...optionsOf({ ...pins, isTaken: (text) => pythonPackage(text, true).problem === null, form: 'NAME==VERSION' }, '--from'),
  ]),
}

/** uv ends its own options at the command (an external subcommand of clap), or at `--` before it. */
function judge(args: readonly string[], start: number, directories: readonly string[] | null): Objection[] {
  const { objections, operandAt, taken } = readOptions(grammar, args, start, directories)
  if (operandAt === null) return objections
  const word = args[operandAt]
  if (word === undefined) return [...objections, missing('uvx', 'package')]
  const from = taken.find(({ name }) => name === '--from')
  const problem = from === undefined ? pythonPackage(word, false).problem : commandProblem(word, pythonPackage(from.value, true).name)
  return [...objections, ...at(operandAt, problem)]
}

/** uv looks for the command among the package's own and then on the whole PATH, so `--from srv==1.2.3 sh` is the shell of the machine. */
function commandProblem(command: string, name: string): [message: string, mend: string] | null {
  const mend = 'Leave out --from and write uvx NAME==VERSION, or use a command that bears the name of the package.'
  if (!/^[A-Za-z0-9][\w.-]{0,99}$/.test(command)) return ['The command is no plain name.', mend]
  const program = programKind(command)
  if (program !== null) return [`${program.plain} is ${program.kind}, and uvx would take the one of the machine.`, mend]
  const parts = (text: string) => text.toLowerCase().split(/[._-]+/).filter((part) => part.length > 1)
  const isRelated = parts(command).some((one) => parts(name).some((other) => one === other || (one.length > 2 && other.startsWith(one)) || (other.length > 2 && one.startsWith(other))))
  return isRelated ? null : ['The command is not named like the package, so uvx could take a program of the machine.', mend]
}

export const uvx: Launcher = { name: 'uvx', judge: (args, directories) => judge(args, 0, directories) }

/** `uv tool run` is uvx written out; everything else that uv does is refused. */
export const uv: Launcher = {
  name: 'uv',
  judge(args, directories) {
    if (args[0] === 'tool' && args[1] === 'run') return judge(args, 2, directories)
    const mend = 'Write uvx NAME==VERSION, or uv tool run NAME==VERSION.'
    return at(args[0] === 'tool' ? 1 : 0, ['Of uv, only uv tool run may start a server.', mend])
  },
}
