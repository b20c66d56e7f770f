import { codeOf, importsOf, isTypeScript, type Source, targetOf } from './tidy.js'

/** Folders of test/ that `.ci/run` leaves out on the second Postgres, or null when it names none. */
function leftOutFolders(files: readonly Source[]): string[] | null {
  const run = files.find(({ path }) => path === '.ci/run')
  const list = /^same_on_any_postgres=\(([^)]*)\)$/m.exec(run?.text ?? '')?.[1]
  return list === undefined ? null : list.split(/\s+/).filter((name) => name !== '')
}

/** Whatever asks for the Postgres of the run asks by this name. */
const asksForPostgres = (file: Source) => file.text.includes('postgresUrl') && /\binject\('postgresUrl'\)/.test(codeOf(file))

/**
 * What is wrong with the folders of test/ that do not run on the second Postgres, a line each: a folder without tests, and a test that loads,
 * through however many files, one that asks for the Postgres of the run. `allowed` are folders whose tests may.
 */
export function leftOutProblems(files: readonly Source[], allowed: readonly string[]): string[] {
  const folders = leftOutFolders(files)
  if (folders === null) return ['.ci/run has no line same_on_any_postgres=(…)']
  const code = files.filter(isTypeScript)
  const importers = new Map<string, string[]>()
  for (const file of code) {
    const loaded = importsOf(file).filter(({ isType }) => !isType).map((one) => targetOf(file, one)).filter((path) => path !== null)
    for (const path of loaded) importers.set(path, [...importers.get(path) ?? [], file.path])
  }
  // A set that grows while it is gone through: whoever loads one that reaches it does so too.
  const reaching = new Set(code.filter(asksForPostgres).map(({ path }) => path))
  for (const path of reaching) for (const importer of importers.get(path) ?? []) reaching.add(importer)
  return folders.flatMap((folder) => {
    const tests = code.map(({ path }) => path).filter((path) => path.startsWith(`test/${folder}/`) && path.endsWith('.test.ts'))
    if (tests.length === 0) return [`.ci/run leaves out test/${folder}, which has no tests`]
    return allowed.includes(folder) ? [] : tests.filter((path) => reaching.has(path)).map((path) => `${path}: reaches the Postgres of the run, and .ci/run leaves test/${folder} out on the other one`)
  })
}
