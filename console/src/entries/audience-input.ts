import { type NamedOwner } from '../data/viewer.js'
import { type Visibility } from '../generated/graphql.js'

/** What is sent: an audience that is kept while something else is chosen means nothing. */
export const audienceInput = ({ visibility, audience }: { visibility: Visibility | null; audience: readonly NamedOwner[] }) =>
  (visibility === 'SHARED' ? audience.map(({ kind, id }) => (kind === 'DEPLOYMENT' ? { kind } : { kind, id })) : [])
