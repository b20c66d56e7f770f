export interface JsonPlaces {
  /** Where the name or the item of a path begins, by `pathKey`; of a name that stands there twice the last one, which is the one that counts. */
  places: ReadonlyMap<string, number>
  /** Names that stand twice in one object, and where they do so again. */
  repeated: Array<{ path: Path; at: number }>
}

export type Path = ReadonlyArray<string | number>

export const pathKey = (path: Path) => JSON.stringify(path)

interface Frame {
  isObject: boolean
  key: string | number
  isNameNext: boolean
  names: Set<string>
}

const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g

/** Where everything stands in a text that is JSON. Offsets are in UTF-16 units; depth costs no stack. */
export function jsonPlaces(text: string): JsonPlaces {
  const places = new Map<string, number>()
  const repeated: JsonPlaces['repeated'] = []
  const open: Frame[] = []
  const path = () => open.map(({ key }) => key)
  const item = (at: number) => {
    if (open.at(-1)?.isObject !== true) places.set(pathKey(path()), at)
  }
  for (const { 0: part, index } of text.matchAll(token)) {
    const frame = open.at(-1)
    if (part === '{' || part === '[') {
      item(index)
      open.push({ isObject: part === '{', key: part === '{' ? '' : 0, isNameNext: part === '{', names: new Set() })
    } else if (part === '}' || part === ']') {
      open.pop()
    } else if (part === ',' && frame !== undefined) {
      if (frame.isObject) frame.isNameNext = true
      else frame.key = Number(frame.key) + 1
    } else if (part === ':' && frame !== undefined) {
      frame.isNameNext = false
    } else if (frame?.isNameNext === true) {
      const name = JSON.parse(part) as string
      frame.key = name
      if (frame.names.has(name)) repeated.push({ path: path(), at: index })
      frame.names.add(name)
      places.set(pathKey(path()), index)
    } else {
      item(index)
    }
  }
  return { places, repeated }
}

/** From 1, in UTF-16 units. */
export function lineAndColumn(text: string, at: number): { line: number; column: number } {
  const before = text.slice(0, at)
  return { line: before.split('\n').length, column: at - before.lastIndexOf('\n') }
}
