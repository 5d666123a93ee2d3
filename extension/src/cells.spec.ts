import { findCell } from './cells';

const cell = (source: string, tags: string[] = []) => ({ source, tags });

describe('findCell', () => {
  const cells = [
    cell('# Title'),
    cell('rate = 0.1', ['parameters']),
    cell('rate = 0.2', ['injected-parameters']),
    cell('import pandas as pd'),
    cell('model.fit(X, y)\nprint(1)'),
    cell('model.fit(X, y)\nprint(2)')
  ];

  it('counts from 1, and leaves out injected cells', () => {
    expect(findCell(cells, 1, '# Title')).toBe(0);
    expect(findCell(cells, 3, 'import pandas as pd')).toBe(3);
    expect(findCell(cells, 4, '')).toBe(4);
  });

  it('follows the first line when cells were inserted since', () => {
    expect(findCell([cell('new'), ...cells], 3, 'import pandas as pd')).toBe(4);
  });

  it('takes the nearest of several cells with that line', () => {
    const moved = [...cells, cell('x'), cell('y')];
    expect(findCell(moved, 6, 'model.fit(X, y)')).toBe(5);
    expect(findCell(moved, 3, 'model.fit(X, y)')).toBe(4);
  });

  it('falls back on the number when the line is gone', () => {
    expect(findCell(cells, 3, 'import polars')).toBe(3);
  });

  it('finds nothing in a notebook that is too short', () => {
    expect(findCell([cell('a')], 5, 'b')).toBe(-1);
  });
});
