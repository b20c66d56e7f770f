#!/usr/bin/env node
import { CommanderError } from 'commander'
import { CatalogRequestError } from '../client/index.js'
import { createProgram } from './program.js'
import { printable, UsageError, warn } from './session.js'

try {
  await createProgram().parseAsync()
} catch (error) {
  process.exitCode = explain(error)
}

/** One calm message instead of a stack. */
function explain(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (error instanceof UsageError || (error as Error).name === 'ConfigError') {
    warn((error as Error).message)
    return 2
  }
  if (error instanceof CatalogRequestError) {
    const { mend, field } = error.extensions
    warn(printable(`${error.code}: ${error.message}${typeof field === 'string' ? ` (${field})` : ''}${typeof mend === 'string' ? ` ${mend}` : ''}`))
    return error.code === 'UNAVAILABLE' ? 3 : 1
  }
  const { message, mend, code } = error as Error & { mend?: string; code?: string }
  warn(code === 'EADDRINUSE' ? `${message}. Set PORT to another one.` : [message, mend].filter(Boolean).join(' '))
  return 1
}
