/** What is needed of a cell to find it again. */
export interface ICellText {
  source: string;
  tags: readonly string[];
}

/**
 * Find the cell that an error names.
 *
 * nbprod counts from 1, markdown included, injected cells not. The notebook may
 * have been edited since: then the cell whose first line is the named one is
 * taken, the nearest if there are several.
 *
 * @param cells - The notebook's cells, in order.
 * @param number - The number of the cell, from 1.
 * @param firstLine - First line of its source when it failed; may be empty.
 * @returns Index into `cells`, or -1.
 */
export function findCell(
  cells: readonly ICellText[],
  number: number,
  firstLine: string
): number {
  const counted = cells
    .map((cell, index) => ({ cell, index }))
    .filter(({ cell }) => !cell.tags.includes('injected-parameters'));
  const wanted = firstLine.trim();
  const there = counted[number - 1];
  if (there && (!wanted || startsWith(there.cell, wanted))) {
    return there.index;
  }
  const same = counted
    .map(({ cell, index }, position) => ({ cell, index, position }))
    .filter(({ cell }) => wanted && startsWith(cell, wanted))
    .sort(
      (a, b) =>
        Math.abs(a.position - number + 1) - Math.abs(b.position - number + 1)
    );
  return same[0]?.index ?? there?.index ?? -1;
}

function startsWith(cell: ICellText, firstLine: string): boolean {
  return cell.source.split('\n').some(line => line.trim() === firstLine);
}
