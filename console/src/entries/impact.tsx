import { useLiveQuery } from '../data/use-live-query.js'
import { EntryImpactDocument } from '../generated/graphql.js'
import { InlineError } from '../parts/inline-error.js'
import { impactText } from '../parts/impact-text.js'

/** Who has it now, kept right while one thinks about it. */
export function Impact({ id }: { id: string }) {
  const { data, problem } = useLiveQuery(EntryImpactDocument, { variables: { id }, topics: ['workers', 'entries'] })
  if (data === undefined) return problem === null ? <p role="status">Looking who has it…</p> : <InlineError problem={problem} />
  const { nodes, pageInfo } = data.revocationImpact
  return <p><strong>{impactText(nodes, pageInfo.hasNextPage)}</strong></p>
}
