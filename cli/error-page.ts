// The page docs/errors.md from ERRORS and the exit codes: pure text, written by generate.ts and held by a test.
import { ERRORS, type ErrorCode } from '../platform/errors.ts'
import { exitCodeOfCode } from './terminal.ts'

const rowOf = ([code, { meaning, asks }]: [string, (typeof ERRORS)[ErrorCode]]): string =>
  `| \`${code}\` | ${exitCodeOfCode(code as ErrorCode)} | ${meaning} | ${asks} |`

export const errorPage = (): string =>
  `${[
    '<!-- Generated from platform/errors.ts by `npm run generate`; a test fails when it differs. Do not edit. -->',
    '# Errors',
    '',
    'Each error has one of these codes: in `code` of the object that `--json` prints, in logs, and in what `syncline show` says of a failed',
    'range. Its message names the thing and mostly what to do next; the last column says what is asked of the operator when it does not.',
    'What a record died of has [codes of its own](operations.md) in `syncline dlq list`.',
    '',
    '| code | exit | what it means | what it asks of you |',
    '|---|---|---|---|',
    ...Object.entries(ERRORS).map(rowOf),
    '',
    'The other exit codes: 0 is done, 3 complete with exceptions (`syncline show --run ID` names them), 6 the pages of the run are no longer kept (`syncline verify`), 130 interrupted.',
  ].join('\n')}\n`
