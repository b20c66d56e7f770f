import { deno } from './deno.js'
import { docker } from './docker.js'
import { type Launcher, type Operand } from './launcher.js'
import { node } from './node.js'
import { npx } from './npx.js'
import { python, python3 } from './python.js'
import { uv, uvx } from './uvx.js'

/** Every launcher there is a grammar for. A new one is one file beside this one and one name here. */
export const launchers: ReadonlyMap<string, Launcher> = new Map([npx, uvx, uv, node, python, python3, docker, deno].map((launcher) => [launcher.name, launcher]))

/** `python3.12` is python3. */
export function launcherOf(command: string): Launcher | null {
  return launchers.get(/^python3\.\d{1,2}$/.test(command) ? 'python3' : command) ?? null
}

/**
 * Where the package, script or image stands on a command line that the rules took, read as the launcher itself reads it.
 * @returns null of an executable by absolute path, whose arguments are its own, and where nothing is there to run
 */
export function operandOf(command: string, args: readonly string[]): Operand | null {
  return launcherOf(command)?.operand(args) ?? null
}
