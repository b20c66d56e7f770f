import { type DocumentNode, type FieldNode, type FragmentDefinitionNode, Kind, type SelectionSetNode } from 'graphql'

export interface Repeats {
  /** How often one response name stands in one place, at most. */
  repeats: number
  /** Fields of all places together, with fragments put in. */
  fields: number
}

/**
 * Validation compares each field of a place with every other one that answers under the same name, so its work grows with the square of these. Places are
 * those of the answer: what is asked for twice is one place, whichever fragments it comes from. Counting ends at the first number that is over `most`, so it is
 * linear in the document whatever its fragments multiply; and below `most.depth`, where it is too deep or a fragment leads back to itself.
 */
export function repeatsOf(document: DocumentNode, most: Repeats & { depth: number }): Repeats {
  const fragments = new Map(document.definitions.flatMap((definition): Array<[string, FragmentDefinitionNode]> => (
    definition.kind === Kind.FRAGMENT_DEFINITION ? [[definition.name.value, definition]] : [])))
  const found: Repeats = { repeats: 0, fields: 0 }
  const isOver = () => found.repeats > most.repeats || found.fields > most.fields

  function place(sets: readonly SelectionSetNode[], depth: number): void {
    for (const nodes of fieldsByName(sets, fragments)) {
      if (isOver()) return
      found.fields += nodes.length
      found.repeats = Math.max(found.repeats, nodes.length)
      const below = nodes.flatMap(({ selectionSet }) => selectionSet ?? [])
      if (below.length > 0 && depth < most.depth && !isOver()) place(below, depth + 1)
    }
  }

  for (const definition of document.definitions) {
    if ('selectionSet' in definition && !isOver()) place([definition.selectionSet], 1)
  }
  return found
}

function fieldsByName(sets: readonly SelectionSetNode[], fragments: ReadonlyMap<string, FragmentDefinitionNode>): Iterable<FieldNode[]> {
  const byName = new Map<string, FieldNode[]>()
  const spread = new Set<string>()
  const pending = [...sets]
  for (let set = pending.pop(); set !== undefined; set = pending.pop()) {
    for (const selection of set.selections) {
      if (selection.kind === Kind.INLINE_FRAGMENT) pending.push(selection.selectionSet)
      else if (selection.kind === Kind.FIELD) {
        const name = (selection.alias ?? selection.name).value
        const others = byName.get(name)
        if (others === undefined) byName.set(name, [selection])
        else others.push(selection)
      } else if (!spread.has(selection.name.value)) {
        spread.add(selection.name.value)
        const fragment = fragments.get(selection.name.value)
        if (fragment !== undefined) pending.push(fragment.selectionSet)
      }
    }
  }
  return byName.values()
}
