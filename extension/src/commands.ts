/** The commands that this extension adds. */
export namespace CommandIDs {
  /** Save the notebook in front and deploy it. */
  export const deploy = 'nbprod:deploy';
  /** Show the panel. */
  export const showPanel = 'nbprod:show-panel';
  /** End the deploy of the notebook in front. */
  export const cancel = 'nbprod:cancel';
  /** Stop the service of the notebook in front. */
  export const stopService = 'nbprod:stop-service';
}
