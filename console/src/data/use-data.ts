import { createContext, use, useSyncExternalStore } from 'react'
import { type ConnectionState } from './connection.js'
import { type ConsoleData } from './console-data.js'

export const DataContext = createContext<ConsoleData | null>(null)

export function useData(): ConsoleData {
  const data = use(DataContext)
  if (data === null) throw new Error('useData belongs below DataContext')
  return data
}

export function useConnection(): ConnectionState {
  const { connection, watchConnection } = useData()
  return useSyncExternalStore(watchConnection, connection)
}
