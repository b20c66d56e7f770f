import { cliLine } from '../../data/cli-line.js'

export const approveLine = (id: string, note = ''): string => cliLine('approve', [id], { note: note || undefined })
export const rejectLine = (id: string, note = ''): string => cliLine('reject', [id], { note: note || 'NOTE' })
