import { privateReason } from '../url.js'
import { createLauncher, type Problem } from './launcher.js'
import { matching, oneOf, type OptionGrammar, optionsOf, type OptionValue } from './option-grammar.js'
import { isBelow, isPlainPath } from './path.js'

const size = matching(/^\d{1,15}(?:\.\d{1,6})?[bkmg]?$/i, 'a size such as 512m')
const count = matching(/^\d{1,9}$/, 'a number')
const word = matching(/^[A-Za-z0-9][\w.-]*$/, 'a plain name')
const insidePath = matching(/^\/[\w./-]*$/, 'an absolute path inside the container')

const isShared = (path: string, directories: readonly string[] | null) =>
  isPlainPath(path) && (directories ?? []).some((folder) => isBelow(path, folder))
const bindForm = (form: string) => (directories: readonly string[] | null) =>
  `${form}, with HOST below a folder of stdio.directories${(directories ?? []).length > 0 ? '' : ', which has none: ask an admin to list one'}`

/** Read-only, since what may lie in those folders are the servers themselves. Named volumes may be those of another container. */
const volume: OptionValue = {
  isTaken: (text, directories) => {
    const [host = '', inside = '', mode, ...more] = text.split(':')
    return isShared(host, directories) && isPlainPath(inside) && mode === 'ro' && more.length === 0
  },
  form: bindForm('HOST:PATH:ro'),
}
const mount: OptionValue = {
  isTaken: (text, directories) => {
    const fields = new Map(text.split(',').map((field): [name: string, value: string | null] => {
      const equals = field.indexOf('=')
      return equals < 0 ? [field, null] : [field.slice(0, equals), field.slice(equals + 1)]
    }))
    const host = fields.get('source') ?? fields.get('src') ?? ''
    const inside = fields.get('target') ?? fields.get('dst') ?? fields.get('destination') ?? ''
    const isReadOnly = ['readonly', 'ro'].some((name) => fields.has(name) && (fields.get(name) ?? 'true') === 'true')
    return text.split(',').length === 4 && fields.size === 4 && fields.get('type') === 'bind' && isShared(host, directories) && isPlainPath(inside) && isReadOnly
  },
  form: bindForm('type=bind,source=HOST,target=PATH,readonly'),
}

/** docker reads options as pflag does: bundles, `-eNAME`, `-e=NAME`, and no option after the image. Inside a container any variable is the server's own. */
const grammar: OptionGrammar = {
  launcher: 'docker run', operand: 'the image', hasBundles: true, hasEnd: true,
  usual: '-i --rm --init --read-only -e NAME --name NAME --user USER --network none --memory 512m --cap-drop ALL -v HOST:PATH:ro and others that docs/policy-rules.md lists',
  options: new Map([
    ...optionsOf('SWITCH', '--rm', '-i', '--interactive', '-t', '--tty', '--init', '--read-only', '-q', '--quiet', '--no-healthcheck', '--sig-proxy'),
    ...optionsOf(matching(/^[A-Za-z_][\w.-]*(?:=[^]*)?$/, 'NAME or NAME=TEXT'), '-e', '--env'),
    ...optionsOf(word, '--name', '-h', '--hostname'),
    ...optionsOf(matching(/^\w[\w.-]*(?::\w[\w.-]*)?$/, 'USER or USER:GROUP'), '-u', '--user'),
    ...optionsOf(insidePath, '-w', '--workdir'),
    ...optionsOf(matching(/^\/[\w./-]+(?::[\w=,.]+)?$/, 'a path inside the container'), '--tmpfs'),
    ...optionsOf(oneOf('none', 'bridge'), '--network', '--net'),
    ...optionsOf(oneOf('none', 'private'), '--ipc'),
    ...optionsOf(matching(/^[A-Za-z_]{1,40}$/, 'ALL or the name of a capability'), '--cap-drop'),
    ...optionsOf(oneOf('no-new-privileges', 'no-new-privileges:true', 'no-new-privileges=true'), '--security-opt'),
    ...optionsOf(size, '-m', '--memory', '--memory-swap', '--memory-reservation', '--shm-size'),
    ...optionsOf(matching(/^\d{1,4}(?:\.\d{1,6})?$/, 'a number such as 1.5'), '--cpus'),
    ...optionsOf(count, '-c', '--cpu-shares', '--pids-limit', '--stop-timeout'),
    ...optionsOf(matching(/^[a-z]{1,20}=\d{1,12}(?::\d{1,12})?$/, 'NAME=NUMBER'), '--ulimit'),
    ...optionsOf(oneOf('stdin', 'stdout', 'stderr'), '-a', '--attach'),
    ...optionsOf(oneOf('always', 'missing', 'never'), '--pull'),
    ...optionsOf(oneOf('none'), '--log-driver'),
    ...optionsOf(matching(/^[a-z0-9]+\/[a-z0-9]+(?:\/v\d)?$/, 'such as linux/amd64'), '--platform'),
    ...optionsOf(volume, '-v', '--volume'), ...optionsOf(mount, '--mount'),
  ]),
}

/** A name of the registry as docker writes it, with or without host and tag. */
const imageName = /^[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?::\d{1,5})?(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*(?::\w[\w.-]{0,127})?$/
const digest = /^sha256:[0-9a-f]{64}$/

function imageProblem(image: string): Problem {
  const parts = image.split('@')
  if (image.length < 500 && parts.length === 2 && imageName.test(parts[0]!) && digest.test(parts[1]!)) return registryProblem(parts[0]!)
  return ['The image is not pinned to a digest.', 'Write it as NAME@sha256:DIGEST, with the 64 digits that docker images --digests shows.']
}

/** docker takes what stands before the first `/` for a host when it has a dot or a port, or is localhost. Whoever runs the worker could be asked by it. */
function registryProblem(name: string): Problem {
  const [first = '', ...rest] = name.split('/')
  const host = first.replace(/:\d+$/, '')
  if (rest.length === 0 || !(/[.:]/.test(first) || first === 'localhost')) return null
  const reason = privateReason(host)
  return reason === null ? null : [`The registry ${host} is ${reason}.`, 'Use an image of a public registry, by its name.']
}

export const docker = createLauncher({
  name: 'docker', grammar, kindOf: () => 'IMAGE', problem: imageProblem,
  // What stands before `run` chooses another daemon or another configuration.
  begin: { words: ['run'], problem: ['Of docker, only docker run may start a server, and no option may stand before run.', 'Begin args with run.'] },
})
