import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * A vitest reporter that writes what a suite came to, as `SuiteOutcome` of outcome.mjs, to the file
 * that SLUICE_OUTCOME_FILE names. Vitest's own JSON leaves out why a test was skipped.
 */
export default class OutcomeReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const named = (state) => tests.filter((test) => test.result().state === state);
    const broken = modules.filter((module) => module.errors().length > 0);
    const outcome = {
      passed: named('passed').length,
      failed: [
        ...named('failed').map((test) => `${nameOf(test)}${because(test.result().errors)}`),
        ...broken.map(
          (module) => `${module.relativeModuleId} as a whole${because(module.errors())}`,
        ),
        ...unhandledErrors.map((error) => `unhandled: ${error.message}`),
      ],
      // Of tests that try again by themselves.
      unsteady: named('passed')
        .filter((test) => test.diagnostic()?.flaky)
        .map((test) => `${nameOf(test)}${because(test.result().errors ?? [])}`),
      failedFiles: modules
        .filter((module) => module.state() === 'failed')
        .map((module) => module.relativeModuleId),
      skipped: named('skipped').map((test) => ({
        name: nameOf(test),
        reason: test.result().note ?? 'no reason given',
      })),
      files: modules
        .map((module) => ({
          name: module.relativeModuleId,
          seconds: Math.round(module.diagnostic().duration / 100) / 10,
        }))
        .sort((a, b) => b.seconds - a.seconds),
    };
    const file = process.env.SLUICE_OUTCOME_FILE;

    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(outcome));
  }
}

function nameOf(test) {
  return `${test.module.relativeModuleId} > ${test.fullName}`;
}

function because(errors) {
  const [line] = (errors[0]?.message ?? '').split('\n');

  return line === '' ? '' : `\n    because: ${line.slice(0, LINE_LENGTH)}`;
}

const LINE_LENGTH = 300;
