import { rmSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { type StdioTransport } from '../core/mcp-server.js'
import { type FullPolicyDocument } from '../core/policy-document.js'
import { programKind } from '../core/rules/stdio/programs.js'
import { RefusedError } from './errors.js'
import { type LaunchGuard } from './launch-guard.js'
import { type Launchers } from './launchers.js'
import { type ProcessGroup, startProcessGroup } from './process-group.js'
import { type TrustedPath, trustedPath } from './trusted-path.js'

/**
 * Starts the process of a catalog entry: judged by the policy of this moment, resolved to real files that nobody but root and the worker's
 * user can replace, with nothing in its environment but PATH, a HOME of its own and what the entry lists (S1, S4), in an
 * empty folder of its own unless the entry names one. What was checked is what is started (S3).
 * @throws RefusedError, or what spawn reports; no process and no folder is left then
 */
export async function startGuardedProcess(transport: StdioTransport, guard: LaunchGuard): Promise<ProcessGroup> {
  const { args, env } = transport
  guard.check()
  const files = await checkedFiles(transport, guard.policy().stdio.directories, guard.launchers)
  const folder = await createScratch()
  try {
    if (guard.launchers.packageCache !== null) await linkCaches(join(folder, 'home'), guard.launchers.packageCache)
    const own = Object.fromEntries(env.map(({ name, value }) => [name, value]))
    const path = await guard.launchers.path()
    // Once more: it may have been withdrawn while its files were looked at.
    guard.check()
    const group = await startProcessGroup({
      command: files.executable.real, argv0: transport.command,
      args: args.map((arg, at) => (files.script?.at === at ? files.script.file.real : arg)),
      // Last, so that no entry leads its launcher to a configuration of the worker's.
      env: { ...own, PATH: path, HOME: join(folder, 'home') },
      cwd: files.cwd?.real ?? join(folder, 'work'),
    })
    const stop = (graceMs: number) => group.stop(graceMs).finally(() => removeScratch(folder))
    for (const file of [files.executable, files.script?.file, files.cwd]) {
      if (file === undefined || await file.isUnchanged()) continue
      await stop(0)
      throw new RefusedError(`${file.real} was replaced while it was started.`)
    }
    return { ...group, stop }
  } catch (error) {
    await removeScratch(folder)
    throw error
  }
}

interface CheckedFiles {
  executable: TrustedPath
  /** The file that a launcher is told to run, and its place among the arguments. */
  script?: { at: number; file: TrustedPath }
  cwd?: TrustedPath
}

/** Launchers that fetch what they run; paths among their arguments are for the server. */
const fetching = ['npx', 'uvx', 'uv', 'docker']

async function checkedFiles(
  { command, args, cwd }: StdioTransport, below: FullPolicyDocument['stdio']['directories'], launchers: Launchers,
): Promise<CheckedFiles> {
  const folder = cwd === null ? {} : { cwd: await trustedPath(absolute(cwd), { kind: 'FOLDER', below }) }
  // What follows an executable belongs to it.
  if (command.includes('/')) return { executable: await ownExecutable(absolute(command), below), ...folder }
  const executable = await launchers.find(command)
  // Options come before the script, and the policy lets none of them name a file.
  const at = fetching.includes(command) ? -1 : args.findIndex((arg) => arg.startsWith('/'))
  return { executable, ...folder, ...(at >= 0 && { script: { at, file: await trustedPath(args[at]!, { kind: 'FILE', below }) } }) }
}

/** By another name a launcher or a shell would be given arguments that nobody has judged. */
async function ownExecutable(path: string, below: string[] | null): Promise<TrustedPath> {
  const file = await trustedPath(path, { kind: 'EXECUTABLE', below })
  const program = programKind(basename(file.real))
  if (program === null) return file
  throw new RefusedError(`${path} leads to ${file.real}, which is ${program.kind}: nobody could judge what it would run. Name the server itself.`)
}

function absolute(path: string): string {
  if (path.startsWith('/')) return path
  throw new RefusedError(`${path} is relative, and nobody can say to what. Write the absolute path.`)
}

const scratches = new Set<string>()

function removeAll(): void {
  for (const folder of scratches) {
    try {
      rmSync(folder, { recursive: true, force: true })
    } catch {
      // A process writes there still. What ends the processes runs at the exit too, and must not be kept from it.
    }
  }
}

/** `home` and `work`, both empty. */
async function createScratch(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pilothouse-server-'))
  if (scratches.size === 0) process.once('exit', removeAll)
  scratches.add(folder)
  await Promise.all([
    mkdir(join(folder, 'home')), mkdir(join(folder, 'work')),
    // npm and deno look for their configuration upwards from where they run. It ends here, and not in a folder that everybody may write to.
    writeFile(join(folder, 'package.json'), '{"private":true}\n'), writeFile(join(folder, 'deno.json'), '{}\n'),
  ])
  return folder
}

/** npm keeps downloads in `.npm`, uv and deno below `.cache`. */
async function linkCaches(home: string, packageCache: string): Promise<void> {
  await mkdir(packageCache, { recursive: true, mode: 0o700 })
  const { real } = await trustedPath(packageCache, { kind: 'FOLDER', below: 'ANYWHERE', vouched: packageCache })
  await Promise.all(['.npm', '.cache'].map(async (name) => {
    await mkdir(join(real, name), { recursive: true, mode: 0o700 })
    await symlink(join(real, name), join(home, name))
  }))
}

async function removeScratch(folder: string): Promise<void> {
  // Where a surviving process still writes, the worker's exit tries once more; why a start failed is told all the same.
  await rm(folder, { recursive: true, force: true, maxRetries: 3 }).then(() => scratches.delete(folder), () => {})
  if (scratches.size === 0) process.off('exit', removeAll)
}
