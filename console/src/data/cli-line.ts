import { hasHidden } from '../../../src/core/definition-text.js'

/** What an option is given: nothing (`true`), one value or several; left out with `undefined` or `false`. */
export type CliOptions = Record<string, string | readonly string[] | boolean | undefined>

/**
 * `pilothouse COMMAND ARGUMENT… --option value`, for a shell to take as it is: whatever is in a name, it stays one argument, and what begins with a dash is no option.
 * `command`: words of ours, as one text; `args`: in their order.
 */
export function cliLine(command: string, args: readonly string[] = [], options: CliOptions = {}): string {
  const given = Object.entries(options).flatMap(([name, value]) => {
    if (value === undefined || value === false) return []
    return [`--${name}`, ...value === true ? [] : typeof value === 'string' ? [value] : value]
  })
  // What follows `--` is never an option; elsewhere it would only be in the way of whoever reads.
  const all = args.some((argument) => /^-./.test(argument)) ? [...given, '--', ...args] : [...args, ...given]
  return ['pilothouse', ...command.split(' '), ...all].map(quoted).join(' ')
}

/**
 * Letters of any script stand as they are. What nobody would see stands as its bytes, in escapes of bash: `\u` would mean another thing where the shell's language is not set to UTF-8.
 */
function quoted(argument: string): string {
  if (/^[\w./:=@%+,-]+$/.test(argument)) return argument
  if (!hasHidden(argument)) return `'${argument.replaceAll("'", "'\\''")}'`
  const bytes = [...new TextEncoder().encode(argument)].map((byte) => {
    const character = String.fromCharCode(byte)
    if (!/[ -~]/.test(character)) return `\\x${byte.toString(16).padStart(2, '0')}`
    return character === '\\' || character === "'" ? `\\${character}` : character
  })
  return `$'${bytes.join('')}'`
}

/** A value for an option, left out where the command takes it for granted. */
export const unless = (byDefault: string, value: string): string | undefined => (value === byDefault ? undefined : value)
