import { packagedProgram } from './programs.js'

/** Semantic Versioning 2.0.0. At most 15 digits: npm takes a number that it cannot count for a tag, and tags move. */
const number = '(?:0|[1-9]\\d{0,14})'
const preRelease = '(?:0|[1-9]\\d*|\\d*[A-Za-z-][0-9A-Za-z-]*)'
const build = '[0-9A-Za-z-]+'
const exactSemver = new RegExp(`^${number}\\.${number}\\.${number}(?:-${preRelease}(?:\\.${preRelease})*)?(?:\\+${build}(?:\\.${build})*)?$`)
const npmName = /^(?:@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/i
/** npm reads whatever ends so as a file beside the working folder, though it looks like a version: `srv@1.2.3-a.tgz`. */
const archive = /\.(?:tgz|tar(?:.gz)?|gz|zip|bz2|whl|egg|py)$/i

/** @returns what speaks against `name@version` of a registry in npm's form, as message and mend, or null */
export function npmPackageProblem(spec: string): [message: string, mend: string] | null {
  const at = spec.indexOf('@', 1)
  const [name, version] = at < 0 ? [spec, ''] : [spec.slice(0, at), spec.slice(at + 1)]
  const mend = 'Write it as NAME@VERSION or @SCOPE/NAME@VERSION with one whole version, such as srv@1.2.3.'
  if (spec.length > 300 || !npmName.test(name) || archive.test(name)) return ['The package is not a name of the registry with a version.', mend]
  if (!exactSemver.test(version) || archive.test(version)) return ['The package is not pinned to an exact version.', mend]
  return programProblem(name)
}

/** PEP 503's names and PEP 440's versions; of the latter two numbers at least, since people read `@1` as "any 1". */
const pythonName = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/
const exactPep440 = /^(?:\d{1,9}!)?\d{1,15}(?:\.\d{1,15})+(?:(?:a|b|rc)\d{1,9})?(?:\.post\d{1,9})?(?:\.dev\d{1,9})?(?:\+[a-z0-9]+(?:[._-][a-z0-9]+)*)?$/i
const extras = /^\[[A-Za-z0-9][A-Za-z0-9._-]*(?:,[A-Za-z0-9][A-Za-z0-9._-]*)*\]$/

export interface PythonPackage {
  name: string
  problem: [message: string, mend: string] | null
}

/**
 * @param isRequirement `name==version` alone: after `--from` and `--with`, `name@1.2.3` may be the path of a folder called 1.2.3 (PEP 508)
 */
export function pythonPackage(spec: string, isRequirement: boolean): PythonPackage {
  const sign = spec.indexOf('==')
  const split = sign >= 0 || isRequirement ? [sign, 2] as const : [spec.indexOf('@'), 1] as const
  const whole = split[0] < 0 ? spec : spec.slice(0, split[0])
  const version = split[0] < 0 ? '' : spec.slice(split[0] + split[1])
  const bracket = whole.indexOf('[')
  const name = bracket < 0 ? whole : whole.slice(0, bracket)
  const mend = `Write it as NAME==VERSION${isRequirement ? '' : ' or NAME@VERSION'} with one whole version, such as srv==1.2.3.`
  const say = (message: string): PythonPackage => ({ name, problem: [message, mend] })
  if (spec.length > 300 || !pythonName.test(name) || archive.test(name) || (bracket >= 0 && !extras.test(whole.slice(bracket)))) {
    return say('The package is not a name of the registry with a version.')
  }
  if (!exactPep440.test(version)) return say('The package is not pinned to an exact version.')
  return { name, problem: programProblem(name) }
}

/** `uvx python@3.12.1 -c CODE` and `npx node@22.1.0 -e CODE`: the rest of the command line would be code. */
function programProblem(name: string): [message: string, mend: string] | null {
  const program = packagedProgram(name)
  return program === null ? null : [`The package ${program.plain} is ${program.kind}: nobody could judge what it would run.`, 'Name the package of the MCP server itself.']
}
