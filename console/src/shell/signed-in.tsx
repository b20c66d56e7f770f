import { Loader } from '@mantine/core'
import { useMemo } from 'react'
import { Provider } from 'urql'
import { type ConsoleData } from '../data/console-data.js'
import { useLiveQuery } from '../data/use-live-query.js'
import { DataContext } from '../data/use-data.js'
import { ViewerContext, viewerOf } from '../data/viewer.js'
import { ConsoleViewerDocument } from '../generated/graphql.js'
import { InlineError } from '../parts/inline-error.js'
import { Following } from './following.js'
import { Frame } from './frame.js'
import classes from './sign-in.module.css'

export interface SignedInProps {
  data: ConsoleData
  onSignOut: () => Promise<void>
}

export function SignedIn({ data, onSignOut }: SignedInProps) {
  return <Provider value={data.client}><DataContext value={data}><WithViewer onSignOut={onSignOut} /></DataContext></Provider>
}

function WithViewer({ onSignOut }: { onSignOut: () => Promise<void> }) {
  const { data, problem, refresh } = useLiveQuery(ConsoleViewerDocument, { variables: {}, topics: ['people'] })
  const viewer = useMemo(() => (data === undefined ? null : viewerOf(data)), [data])
  return (
    <ViewerContext value={viewer}>
      {viewer !== null
        ? <><Following /><Frame onSignOut={onSignOut} /></>
        : <main className={classes.page}>{problem === null ? <Loader aria-label="Loading" role="status" /> : <InlineError problem={problem} retry={refresh} />}</main>}
    </ViewerContext>
  )
}
