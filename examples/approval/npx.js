/**
 * Stands in for npx where no registry is reached: runs a package that is installed beside this file, if it is exactly the version asked for.
 * It knows `npx [-y] NAME@VERSION [argument …]`, and readme.md beside it says what it is for.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { argv, execPath, exit, stderr } from 'node:process'
import { pathToFileURL } from 'node:url'

const [, spec = '', name = '', version = ''] = /^((@[^@]+|[^@]+)@(.+))$/.exec(argv.slice(2).find((argument) => !argument.startsWith('-')) ?? '') ?? []
try {
  const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`)
  const installed = JSON.parse(readFileSync(manifest, 'utf8'))
  if (installed.version !== version) throw new Error(`${name} is installed in version ${installed.version}.`)
  const script = join(dirname(manifest), Object.values(installed.bin)[0])
  argv.splice(0, argv.length, execPath, script, ...argv.slice(argv.indexOf(spec) + 1))
  await import(pathToFileURL(script).href)
} catch (error) {
  stderr.write(`npx of the example cannot run ${JSON.stringify(spec)}: ${error.message}\n`)
  exit(1)
}
