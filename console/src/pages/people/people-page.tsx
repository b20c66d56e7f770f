import { Navigate, Route, Routes } from 'react-router'
import { useViewer } from '../../data/viewer.js'
import { TeamDetail } from './team-detail.js'
import { TeamList } from './team-list.js'
import { UserDetail } from './user-detail.js'
import { UserList } from './user-list.js'
import { WorkerTokensPage } from './worker-tokens-page.js'

/** `/people/users/ID`, `/people/teams/ID`, and for admins `/people/worker-tokens`. */
export function PeoplePage() {
  const { isAdmin } = useViewer()
  return (
    <Routes>
      <Route index element={<Navigate to={isAdmin ? 'users' : 'teams'} replace />} />
      {isAdmin && <Route path="users" element={<UserList />}><Route path=":id" element={<UserDetail />} /></Route>}
      <Route path="teams" element={<TeamList />}><Route path=":id" element={<TeamDetail />} /></Route>
      {isAdmin && <Route path="worker-tokens" element={<WorkerTokensPage />} />}
      <Route path="*" element={<Navigate to="/people" replace />} />
    </Routes>
  )
}
