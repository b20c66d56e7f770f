import { cliLine } from '../../data/cli-line.js'

export const workersLine = cliLine('workers')
export const sessionsLine = cliLine('sessions')
