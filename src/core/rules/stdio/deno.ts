import { isHostItem } from '../url.js'
import { createLauncher, type Problem } from './launcher.js'
import { glued, matching, oneOf, type OptionGrammar, optionsOf, type OptionValue } from './option-grammar.js'
import { npmPackageProblem } from './package-version.js'
import { pathProblem } from './path.js'
import { scriptPathProblem } from './script.js'

/** deno takes permissions after `=` alone: `--allow-net host` allows every host and runs the script `host`. */
const list = (isItem: (item: string) => boolean, form: string): OptionValue => glued({ isTaken: (text) => text.split(',').every(isItem), form: `${form}, or several with commas between` })

/** Data that the server may read or write: a path of its own, whatever folders the policy has for programs. */
const paths = list((item) => pathProblem(item, null) === null, 'an absolute path outside folders of the system')
const hosts = list(isHostAndPort, 'HOST or HOST:PORT')
const variables = list((item) => item.length <= 200 && /^[A-Za-z_]\w*(?:_\*)?$/.test(item), 'the name of a variable')
const systemValues = list((item) => ['hostname', 'osRelease', 'osUptime', 'loadavg', 'systemMemoryInfo', 'networkInterfaces', 'cpus', 'homedir', 'uid', 'gid', 'userInfo', 'username'].includes(item),
  'such as hostname or osRelease')

function isHostAndPort(item: string): boolean {
  const host = item.replace(/:\d{1,5}$/, '')
  // `*.com` is as good as every host.
  return isHostItem(host) && (!host.startsWith('*.') || host.slice(2).includes('.'))
}

const grammar: OptionGrammar = {
  launcher: 'deno run', operand: 'the script', hasBundles: true, hasEnd: false,
  options: new Map([
    ...optionsOf('FLAG', '-q', '--quiet', '--no-prompt', '--no-remote', '--no-npm', '--cached-only', '--no-check', '--no-config', '--no-lock', '--frozen', '--no-code-cache'),
    ...optionsOf(glued(oneOf('none')), '--node-modules-dir'),
    ...optionsOf(matching(/^\d{1,15}$/, 'a number'), '--seed'),
    ...optionsOf(paths, '-R', '--allow-read', '-W', '--allow-write'),
    ...optionsOf(hosts, '-N', '--allow-net'), ...optionsOf(variables, '-E', '--allow-env'), ...optionsOf(systemValues, '-S', '--allow-sys'),
    ...optionsOf(glued({ isTaken: () => true, form: 'anything' }), '--deny-read', '--deny-write', '--deny-net', '--deny-env', '--deny-sys', '--deny-run', '--deny-ffi', '--deny-import'),
  ]),
}

const registrySpec = /^(npm|jsr):\/?((?:@[^/@]+\/)?[^/@]+@[^/@]+)((?:\/[\w.-]+)*)$/

function operandProblem(script: string, directories: readonly string[] | null): Problem {
  if (script.startsWith('/')) return scriptPathProblem(script, directories)
  const [, registry, spec, inside] = script.length <= 500 ? registrySpec.exec(script) ?? [] : []
  if (spec === undefined || (registry === 'jsr' && !spec.startsWith('@')) || inside!.split('/').some((part) => /^\.+$/.test(part))) {
    return ['The script is neither an absolute path nor a package with a version.', 'Write an absolute path, npm:NAME@VERSION or jsr:@SCOPE/NAME@VERSION.']
  }
  return npmPackageProblem(spec)
}

export const deno = createLauncher({
  name: 'deno', grammar, kindOf: (script) => (script.startsWith('/') ? 'SCRIPT' : 'PACKAGE'), problem: operandProblem,
  begin: { words: ['run'], problem: ['Of deno, only deno run may start a server, and no option may stand before run.', 'Begin args with run.'] },
})
