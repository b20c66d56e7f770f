import { type Command } from 'commander'
import { addRekey } from './secret-rekey.js'

export function addSecret(program: Command): void {
  const secret = program.command('secret').description('secrets: their values are written and never read')
  addRekey(secret)
}
