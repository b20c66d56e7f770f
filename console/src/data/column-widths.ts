/** What one can make wider and narrower. The detail gets what is left. */
export type Column = 'tree' | 'list' | 'workspace'
/** Pixels that somebody chose; a column that is not named has its usual width. */
export type ColumnWidths = Partial<Record<Column, number>>

/** Of one column: pixels that it has, and between what they may be chosen. */
export interface ColumnWidth {
  now: number
  least: number
  most: number
}

/** Pixels below which a column is no use. The detail is the one for which the others make room. */
const least = { tree: 192, list: 272, detail: 400, workspace: 352 } as const
const usualTree = 240
/** Wider than any screen: what is kept beyond it is not a width. */
const most = 20_000

/** What was kept in the browser. Whatever cannot be a width is passed over: others may have written it. */
export function readWidths(text: string | null): ColumnWidths {
  const kept = parsed(text)
  const isWidth = (value: unknown): value is number => typeof value === 'number' && value > 0 && value < most
  return Object.fromEntries((['tree', 'list', 'workspace'] as const).flatMap((column) => (isWidth(kept[column]) ? [[column, Math.round(kept[column])]] : [])))
}

function parsed(text: string | null): Record<string, unknown> {
  try {
    return Object(JSON.parse(text ?? '')) as Record<string, unknown>
  } catch {
    return {}
  }
}

const within = (wanted: number, least: number, most: number): ColumnWidth => {
  // Less room than the least is the narrow window's matter; a separator must not have its ends the wrong way round.
  const end = Math.max(least, most)
  return { now: Math.round(Math.min(Math.max(wanted, least), end)), least, most: end }
}

/** The tree, in a window of `room` pixels: beside it stand a list and a detail, and in a small window one of both. */
export function treeIn(room: number, { tree = usualTree }: ColumnWidths): ColumnWidth {
  const both = least.list + least.detail
  return within(tree, least.tree, room - (room >= least.tree + both ? both : least.detail))
}

export interface Panes {
  /** How many stand beside each other. Fewer than there are: what is deepest is shown, and has the way back. */
  count: 1 | 2 | 3
  list: ColumnWidth
  workspace: ColumnWidth
}

/** List, detail and, where it is open, workspace, in `room` pixels: none is squeezed below its least; then fewer are shown. */
export function panesIn(room: number, { list, workspace }: ColumnWidths, isWorkspaceOpen: boolean): Panes {
  const isThree = isWorkspaceOpen && room >= least.list + least.detail + least.workspace
  const listWidth = within(list ?? room * (isThree ? 1 / 4 : 2 / 5), least.list, room - least.detail - (isThree ? least.workspace : 0))
  const rest = room - listWidth.now
  return {
    count: isThree ? 3 : room >= least.list + least.detail ? 2 : 1,
    list: listWidth,
    workspace: within(workspace ?? rest / 2, least.workspace, rest - least.detail),
  }
}
