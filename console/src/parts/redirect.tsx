import { useEffect } from 'react'
import { useLocation, useNavigate } from 'react-router'

/**
 * Leads on from an address that has no page of its own. Where somebody has gone elsewhere before this was shown, they stay there; and whoever comes to the same
 * address once more is led on once more. (The router's own would take the one back, and do nothing for the other.)
 */
export function Redirect({ to }: { to: string }) {
  const { key, pathname } = useLocation()
  const navigate = useNavigate()
  useEffect(() => {
    if (window.location.pathname === pathname) void navigate(to, { replace: true })
  }, [key, pathname, navigate, to])
  return null
}
