import { useState } from 'react'
import { problem, type Problem } from '../data/problem.js'

export interface SignOut {
  run: () => void
  isRunning: boolean
  problem: Problem | null
}

export function useSignOut(onSignOut: () => Promise<void>): SignOut {
  const [isRunning, setRunning] = useState(false)
  const [refusal, setRefusal] = useState<Problem | null>(null)
  const run = () => {
    setRunning(true)
    setRefusal(null)
    void onSignOut().catch((error: unknown) => {
      setRunning(false)
      setRefusal(problem((error as Error).message, 'You are still signed in.'))
    })
  }
  return { run, isRunning, problem: refusal }
}
