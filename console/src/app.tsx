import { Loader, MantineProvider } from '@mantine/core'
import { createBrowserRouter } from 'react-router'
import { RouterProvider } from 'react-router/dom'
import { InlineError } from './parts/inline-error.js'
import { SignIn } from './shell/sign-in.js'
import { SignedIn } from './shell/signed-in.js'
import { useSession } from './shell/use-session.js'
import classes from './shell/sign-in.module.css'

// One route for all: only so does a page get to ask before it is left (parts/unsaved-guard.tsx).
const router = createBrowserRouter([{ path: '*', element: <Entrance /> }])

export function App() {
  return (
    // Both would write <style> elements into the page. Everything they hold is in Mantine's file, for the theme as it comes.
    <MantineProvider defaultColorScheme="auto" withCssVariables={false} withGlobalClasses={false}>
      <RouterProvider router={router} />
    </MantineProvider>
  )
}

function Entrance() {
  const session = useSession()
  if (session.state === 'IN') return <SignedIn data={session.data} onSignOut={session.leave} />
  if (session.state === 'OUT') return <SignIn oidc={session.oidc} notice={session.notice} onSignedIn={session.enter} />
  return (
    <main className={classes.page}>
      {session.state === 'FAILED' ? <InlineError problem={session.problem} retry={session.retry} /> : <Loader aria-label="Loading" role="status" />}
    </main>
  )
}
