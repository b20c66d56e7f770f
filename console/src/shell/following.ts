import { useEffect } from 'react'
import { useData } from '../data/use-data.js'
import { useViewer } from '../data/viewer.js'

/** Keeps the feeds of everything open whose set the viewer may read, as long as the console is. */
export function Following() {
  const { follow } = useData()
  const { followed } = useViewer()
  // As text: another answer with the same owners must not end and open the feeds.
  const owners = JSON.stringify(followed.map(({ kind, id }) => (kind === 'DEPLOYMENT' ? { kind } : { kind, id })))
  useEffect(() => follow(JSON.parse(owners) as Parameters<typeof follow>[0]), [follow, owners])
  return null
}
