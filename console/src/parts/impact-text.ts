const count = (number: number, noun: string) => `${number} live ${noun}${number === 1 ? '' : 's'}`

/** Who will feel it, of `revocationImpact`: "3 live sessions on 2 workers will lose it now." */
export function impactText(sessions: ReadonlyArray<{ worker: { id: string } }>, isMore: boolean): string {
  if (sessions.length === 0) return 'No live session that you may see has it.'
  const workers = new Set(sessions.map(({ worker }) => worker.id)).size
  return `${isMore ? 'More than ' : ''}${count(sessions.length, 'session')} on ${workers} worker${workers === 1 ? '' : 's'} will lose it now.`
}
