import { type Entry } from '../core/entry.js'
import { type EntryToolPins } from '../core/tool-pin.js'
import { type CatalogState } from './state.js'

/** What an entry's tools are held to as it is now; null: no worker has told yet what there is. */
export function pinsOf({ toolPins }: Pick<CatalogState, 'toolPins'>, { id, digest }: Pick<Entry, 'id' | 'digest'>): EntryToolPins | null {
  const pins = toolPins.get(id)
  return pins?.digest === digest ? pins : null
}
