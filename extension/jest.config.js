/** The logic is tested without JupyterLab; the browser test (tests/ui) covers the rest. */
module.exports = {
  preset: 'ts-jest',
  testEnvironment: 'node',
  testMatch: ['<rootDir>/src/**/*.spec.ts'],
  reporters: ['default'],
  transform: {
    '^.+\\.tsx?$': [
      'ts-jest',
      {
        tsconfig: {
          module: 'commonjs',
          moduleResolution: 'node10',
          esModuleInterop: true,
          ignoreDeprecations: '5.0',
          isolatedModules: true,
          jsx: 'react',
          lib: ['DOM', 'ES2020'],
          strict: true,
          target: 'ES2020',
          types: ['jest']
        }
      }
    ]
  }
};
