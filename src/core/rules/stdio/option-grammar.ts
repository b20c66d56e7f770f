/** Something that must not stand on a command line. */
export interface Objection {
  /** Place in `args`, from 0; null: of no single argument. */
  at: number | null
  message: string
  mend: string
}

/** What an option sets. */
export interface OptionValue {
  /** @param directories `stdio.directories` of the policy */
  isTaken: (text: string, directories: readonly string[] | null) => boolean
  /** How the value has to read, for people. */
  form: string | ((directories: readonly string[] | null) => string)
  /** Only `--name=value` has a value; the next argument is never one. */
  isGlued?: true
}

/** FLAG stands alone; SWITCH may be followed by `=true` or `=false`. */
export type Option = 'FLAG' | 'SWITCH' | OptionValue

/** The options that may stand before the package, script or image of one launcher. Every other one is refused. */
export interface OptionGrammar {
  launcher: string
  /** What follows the options, for people: `the package`. */
  operand: string
  options: ReadonlyMap<string, Option>
  /** Whether `-it` is `-i -t`, and `-eNAME` is `-e NAME`. */
  hasBundles: boolean
  /** Whether `--` ends the options. */
  hasEnd: boolean
  /** What to do instead of an option that many people write; others are told what may stand there. */
  mends?: ReadonlyMap<string, string>
  /** What most people need, in a line, where the whole list is too long to be told. */
  usual?: string
  /** Spellings of one name that the launcher itself takes for the same. */
  fold?: (name: string) => string
}

export interface ReadOptions {
  objections: Objection[]
  /** Where package, script or image has to stand; null when nobody can say, because an option before it is unknown. */
  operandAt: number | null
  taken: TakenOption[]
}

export interface TakenOption {
  name: string
  value: string
  at: number
}

/** `optionsOf('FLAG', '-y', '--yes')`, for the tables of the launchers. */
export const optionsOf = (option: Option, ...names: string[]): Array<[string, Option]> => names.map((name) => [name, option])

export const matching = (pattern: RegExp, form: string): OptionValue => ({ isTaken: (text) => text.length <= 300 && pattern.test(text), form })

export const oneOf = (...values: string[]): OptionValue => ({ isTaken: (text) => values.includes(text), form: values.join(' or ') })

export const glued = (value: OptionValue): OptionValue => ({ ...value, isGlued: true })

/**
 * Reads options as the launcher itself would: up to the first argument that is none, or up to `--`. The first unknown option
 * ends the reading: whether the next argument were its value or already the package, only a list of all options could say.
 */
export function readOptions(grammar: OptionGrammar, args: readonly string[], start: number, directories: readonly string[] | null): ReadOptions {
  const read: ReadOptions = { objections: [], operandAt: null, taken: [] }
  let at = start
  for (; at < args.length; at++) {
    const arg = args[at]!
    if (!arg.startsWith('-')) break
    if (arg === '--' && grammar.hasEnd) {
      at++
      break
    }
    const words = arg.startsWith('--') ? readLong(grammar, arg) : readShort(grammar, arg)
    if (words === null) {
      read.objections.push(unknownOption(grammar, arg, at))
      return read
    }
    for (const word of words) {
      const text = typeof word.option === 'string' || word.option.isGlued || word.text !== null ? word.text : args[at + 1] ?? null
      if (!isTaken(word.option, text, directories)) read.objections.push(wrongValue(word, at, directories))
      read.taken.push({ name: word.name, value: text ?? '', at })
      if (text !== word.text) at++
    }
  }
  return { ...read, operandAt: at }
}

interface Word {
  name: string
  option: Option
  /** What is glued to the name; null: nothing. */
  text: string | null
}

function readLong({ options, fold }: OptionGrammar, arg: string): Word[] | null {
  const equals = arg.indexOf('=')
  const spelt = equals < 0 ? arg : arg.slice(0, equals)
  const name = fold?.(spelt) ?? spelt
  const option = options.get(name)
  return option === undefined ? null : [{ name, option, text: equals < 0 ? null : arg.slice(equals + 1) }]
}

function readShort({ options, hasBundles }: OptionGrammar, arg: string): Word[] | null {
  if (!hasBundles) {
    const option = options.get(arg)
    return option === undefined ? null : [{ name: arg, option, text: null }]
  }
  const words: Word[] = []
  for (let place = 1; place < arg.length; place++) {
    const name = `-${arg[place]}`
    const option = options.get(name)
    if (option === undefined) return null
    const rest = arg.slice(place + 1)
    if (rest.startsWith('=')) return [...words, { name, option, text: rest.slice(1) }]
    if (typeof option !== 'string') return [...words, { name, option, text: rest === '' || option.isGlued ? null : rest }]
    words.push({ name, option, text: null })
  }
  return words.length === 0 ? null : words
}

function isTaken(option: Option, text: string | null, directories: readonly string[] | null): boolean {
  if (option === 'FLAG') return text === null
  if (option === 'SWITCH') return text === null || text === 'true' || text === 'false'
  return option.isTaken(text ?? '', directories)
}

/** The name alone: what is glued to it may be a secret. */
function unknownOption({ launcher, operand, options, mends, usual }: OptionGrammar, arg: string, at: number): Objection {
  const name = /^(?:--[\w-]{1,40}|-[^-]?)/.exec(arg)?.[0] ?? '--'
  return {
    at, message: `${launcher} may not have ${name} before ${operand}.`,
    mend: mends?.get(name) ?? `Leave ${name} out. Before ${operand} may stand: ${usual ?? [...options.keys()].join(' ')}. What follows ${operand} is the server's own.`,
  }
}

function wrongValue({ name, option }: Word, at: number, directories: readonly string[] | null): Objection {
  if (typeof option === 'string') return { at, message: `${name} takes no such value.`, mend: `Write ${name} alone.` }
  const sign = option.isGlued ? '=' : ' '
  return { at, message: `${name} may not have this value.`, mend: `Write ${name}${sign}VALUE, where VALUE is ${typeof option.form === 'string' ? option.form : option.form(directories)}.` }
}
