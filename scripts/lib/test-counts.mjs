/** A reporter for `node --test` that writes what was counted as JSON, for scripts/test.mjs. */
export default async function* counts(source) {
  const result = { passed: 0, failed: [], skipped: [] }
  for await (const { type, data } of source) {
    // a suite, and the file as a whole, are not tests
    if ((type !== 'test:pass' && type !== 'test:fail') || data.details?.type === 'suite') continue
    if (data.skip !== undefined || data.todo !== undefined) result.skipped.push(data.name)
    else if (type === 'test:pass') result.passed++
    else result.failed.push(data.name)
  }
  yield JSON.stringify(result)
}
