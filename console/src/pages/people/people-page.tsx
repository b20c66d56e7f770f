import { Route, Routes } from 'react-router'
import { useViewer } from '../../data/viewer.js'
import { Redirect } from '../../parts/redirect.js'
import { NewTeam } from './new-team.js'
import { NewUser } from './new-user.js'
import { TeamDetail } from './team-detail.js'
import { TeamList } from './team-list.js'
import { UserDetail } from './user-detail.js'
import { UserList } from './user-list.js'
import { UserTokenPage } from './user-token-page.js'
import { WorkerTokensPage } from './worker-tokens-page.js'

/** `/people/users/ID`, `/people/teams/ID`, and for admins `/people/worker-tokens`; `new` is no id, and adds one. */
export function PeoplePage() {
  const { isAdmin } = useViewer()
  return (
    <Routes>
      <Route index element={<Redirect to={isAdmin ? 'users' : 'teams'} />} />
      {isAdmin && (
        <Route path="users" element={<UserList />}>
          <Route path="new" element={<NewUser />} />
          <Route path=":id" element={<UserDetail />} />
          <Route path=":id/tokens/new" element={<UserTokenPage />} />
        </Route>
      )}
      <Route path="teams" element={<TeamList />}>
        {isAdmin && <Route path="new" element={<NewTeam />} />}
        <Route path=":id" element={<TeamDetail />} />
        <Route path=":id/members/new" element={<TeamDetail isAdding />} />
      </Route>
      {isAdmin && <Route path="worker-tokens/*" element={<WorkerTokensPage />} />}
      <Route path="*" element={<Redirect to="/people" />} />
    </Routes>
  )
}
