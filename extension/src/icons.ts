import { LabIcon } from '@jupyterlab/ui-components';

import deploySvg from '../style/icons/deploy.svg';

/**
 * The rocket of the toolbar button and the panel's tab.
 */
export const deployIcon = new LabIcon({
  name: 'nbprod:deploy',
  svgstr: deploySvg
});
