import { createLauncher, type Problem } from './launcher.js'
import { matching, type OptionGrammar, optionsOf, type TakenOption } from './option-grammar.js'
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

/** POSIX utilities and their like, which every machine has. */
const everyMachine = new Set(`arch base64 basename bc cal cat chgrp chmod chown cksum cmp comm cp cut date dd df diff dir dirname du echo expand expr factor false file fmt fold getconf getent grep groups
  head hexdump host hostid hostname iconv id install ip join kill killall ln locale locate logger login ls mail mkdir mkfifo mknod mktemp mount mv nl od passwd paste patch pathchk pax ping pkill pr
  printf ps pwd read readlink realpath reboot rm rmdir seq shred shutdown shuf sleep sort split ssh-keygen stat strings stty sum sync systemctl tac tail tee test touch tr true truncate tsort tty umount
  uname uniq unlink unzip users uuencode wc which who whoami write xxd zcat`.split(/\s+/))

/** uv looks for the command among the package's own and then on the whole PATH, so `--from srv==1.2.3 sh` is the shell of the machine. */
function commandProblem(command: string, name: string): Problem {
  const mend = 'Leave out --from and write uvx NAME==VERSION, or use a command that bears the name of the package.'
  if (!/^[A-Za-z0-9][\w.-]{0,99}$/.test(command)) return ['The command is no plain name.', mend]
  const program = programKind(command)
  if (program !== null) return [`${program.plain} is ${program.kind}, and uvx would take the one of the machine.`, mend]
  const parts = (text: string) => text.toLowerCase().split(/[._-]+/)
  // What begins the package's name has to stand in the command whole: `serena` of `serena-agent`, `mcp-acme` of `acme`.
  const [own, whole] = [parts(command), parts(name)]
  const isRelated = own.join('-') === whole.join('-') || own.includes(whole[0]!)
  if (!isRelated) return ['The command is not named like the package, so uvx could take a program of the machine.', mend]
  return everyMachine.has(command.toLowerCase()) && command !== name ? [`${command} is a program of every machine, and uvx could take that one.`, mend] : null
}

const fromOf = (taken: readonly TakenOption[]) => taken.find(({ name }) => name === '--from')

/** uv ends its own options at the command (an external subcommand of clap), or at `--` before it. */
const form = {
  grammar,
  kindOf: (_: string, taken: readonly TakenOption[]) => (fromOf(taken) === undefined ? 'PACKAGE' as const : 'COMMAND' as const),
  problem(word: string, _: readonly string[] | null, taken: readonly TakenOption[]): Problem {
    const from = fromOf(taken)
    return from === undefined ? pythonPackage(word, false).problem : commandProblem(word, pythonPackage(from.value, true).name)
  },
}

export const uvx = createLauncher({ name: 'uvx', ...form })

/** `uv tool run` is uvx written out; everything else that uv does is refused. */
export const uv = createLauncher({
  name: 'uv', ...form,
  begin: { words: ['tool', 'run'], problem: ['Of uv, only uv tool run is taken.', 'Write uvx NAME==VERSION, or uv tool run NAME==VERSION.'] },
})
